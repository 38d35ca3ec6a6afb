/*
 * The compiled inner loop of conversion: walks the text of a ping once, without creating
 * objects for its parts.  It is optional: `ping_text.py` is its only caller, and the full
 * parse works without it.
 *
 * It accepts only JSON as clients write it, without white space.  For anything else it
 * returns None, and the caller uses the full parse, which is the reference: nothing here
 * decides that a ping is bad.  Text that is copied must be what the full parse would write.
 * Where that is not plain to see (a fraction, a long integer, an escape in a string), the
 * piece is added to a list of "doubts", which the caller reads and writes with the real parser.
 *
 * Texts end with a zero byte, as those of bytes objects do.  No walk runs past it, since a
 * zero byte is not part of any JSON.  One call at a time uses the static memory; a call that
 * interrupts another thread's call returns None at once.
 */

#define PY_SSIZE_T_CLEAN
#include "../../tables/_histogram_rows.h"

#include <stdio.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define MAX_NESTING 64
#define MAX_BUCKETS 10000
#define MAX_NUMBERS 4000000 /* in the rows of a ping, as in histogram_packer.py */
#define MAX_DROPPED 10000 /* histograms of a ping, as there */
#define SHORT_KEY 24 /* characters, as in histogram_check.py */
#define LONGEST_NAME 100 /* characters in a message, as in json_place.py */
#define LONGEST_DETAIL 200
#define SHORT 8 /* digits */
#define SAFE_DIGITS 18 /* any number of so many digits fits in 64 bits */
#define SURE_DIGITS 15 /* two decimals of so many digits are two doubles */
#define NO_NUMBER INT64_MIN /* a number that is not a 64-bit integer */
#define CELL_HEAD 4 /* numbers before the starts and counts of a row: its width, how many these are, and its sum */
#define SUMMARY_NUMBERS 5   /* behind the counts of a row; the first is the sum */
#define KEY_SLOTS (1 << 14)
#define FEWEST_SLOTS (1 << 8)
#define BYTES_A_SLOT 12
#define MOST_PROBES 32
#define MIXER 0x9E3779B97F4A7C15u
#define NAME_SLOTS (1 << 11)
#define NAME_PROBES 16
#define ROW_SLOTS_BITS 11
#define ROW_PROBES 8
#define MOST_LAYOUTS (1 << 24)
#define MOST_SPARE (1 << 20) /* bytes that are kept for the next call */

typedef const unsigned char *Text;

typedef struct {
    char *data;
    size_t length, room;
    int failed; /* out of memory: the caller uses the full parse */
} Buffer;

typedef struct {
    Text text, end;
    Buffer doubts;
    uint32_t objects, keys, slots_in_use;
    Text other_until; /* before this place is no array of arrays of numbers only */
} Walk;

/* ---- growing text */

static char *room_for(Buffer *buffer, size_t more)
{
    if (buffer->length + more > buffer->room) {
        size_t room = (buffer->length + more) * 2 + 1024;
        char *data = PyMem_Realloc(buffer->data, room);
        if (data == NULL) {
            buffer->failed = 1;
            return NULL;
        }
        buffer->data = data;
        buffer->room = room;
    }
    return buffer->data + buffer->length;
}

static void add(Buffer *buffer, const void *data, size_t length)
{
    char *end = room_for(buffer, length);
    if (end != NULL) {
        memcpy(end, data, length);
        buffer->length += length;
    }
}

/* Memory of a buffer that is used again: to grow is to copy. */
typedef struct {
    char *data;
    size_t room;
} Spare;

static Spare spare_rows, spare_cells;

static void take(Buffer *buffer, Spare *spare)
{
    *buffer = (Buffer){spare->data, 0, spare->room, 0};
    *spare = (Spare){NULL, 0};
}

static void give_back(Buffer *buffer, Spare *spare)
{
    if (buffer->room <= MOST_SPARE)
        *spare = (Spare){buffer->data, buffer->room};
    else
        PyMem_Free(buffer->data);
}

static void doubt(Walk *walk, Text from, Text end)
{
    add(&walk->doubts, walk->doubts.length ? "," : "[", 1);
    add(&walk->doubts, from, end - from);
}

static PyObject *doubts_of(Walk *walk)
{
    if (walk->doubts.length)
        add(&walk->doubts, "]", 1);
    if (walk->doubts.failed)
        return PyErr_NoMemory();
    return PyBytes_FromStringAndSize(walk->doubts.data, walk->doubts.length);
}

/* ---- keys: the last of two equal ones counts, so an object that is copied may not have any */

static struct {
    uint32_t walk, object, hash, at;
} slots[KEY_SLOTS];
static uint32_t walks;
static int is_busy;

static uint32_t hash_of(uint32_t object, Text key, size_t length)
{
    uint64_t hash = object + length * MIXER, piece = 0;
    Text end = key + length;
    for (; end - key > 8; key += 8) {
        memcpy(&piece, key, 8);
        hash = (hash ^ piece) * MIXER;
        hash ^= hash >> 32;
    }
    if (length >= 8) {
        memcpy(&piece, end - 8, 8); /* some of it again: that is quicker than byte by byte */
    } else {
        for (piece = 0; key < end; key++)
            piece = piece << 8 | *key;
    }
    hash = (hash ^ piece) * MIXER;
    return (uint32_t)(hash >> 32);
}

/* `end` is behind the closing quote, so that no key is the beginning of another. */
static int is_new_key(Walk *walk, uint32_t object, Text key, Text end)
{
    uint32_t hash = hash_of(object, key, end - key);
    if (++walk->keys > walk->slots_in_use / 4 * 3)
        return 0;
    for (uint32_t i = 0; i < MOST_PROBES; i++) {
        uint32_t at = (hash + i) & (walk->slots_in_use - 1);
        if (slots[at].walk != walks) {
            slots[at].walk = walks;
            slots[at].object = object;
            slots[at].hash = hash;
            slots[at].at = (uint32_t)(key - walk->text);
            return 1;
        }
        if (slots[at].hash == hash && slots[at].object == object &&
            memcmp(walk->text + slots[at].at, key, end - key) == 0)
            return 0;
    }
    return 0; /* keys made to collide */
}

static int start(Walk *walk, const char *text, Py_ssize_t length)
{
    memset(walk, 0, sizeof *walk);
    if (is_busy || (size_t)length > UINT32_MAX)
        return 0;
    is_busy = 1;
    walk->text = (Text)text;
    walk->end = (Text)text + length;
    /* Not more memory than the text calls for: it is quicker the less there is. */
    walk->slots_in_use = FEWEST_SLOTS;
    while (walk->slots_in_use < KEY_SLOTS && walk->slots_in_use < length / BYTES_A_SLOT)
        walk->slots_in_use *= 2;
    if (++walks == 0) { /* once in 2^32 */
        memset(slots, 0, sizeof slots);
        walks = 1;
    }
    return 1;
}

static void finish(Walk *walk)
{
    PyMem_Free(walk->doubts.data);
    is_busy = 0;
}

/* ---- walking: each takes the place where a value begins, and returns the place behind it */

static int is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

#ifdef __SSE2__
/* A bit for each of the 16 bytes at `p` that is a digit. */
static unsigned int digits_among_16(Text p)
{
    __m128i values = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8('0'));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values));
}

/* A bit for each of the 16 bytes at `p` that is a bracket; `opening` gets those of them that open. */
static unsigned int brackets_among_16(Text p, unsigned int *opening)
{
    /* Without 0x20 '[' and '{' are one, and ']' and '}'. */
    __m128i bytes = _mm_and_si128(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8((char)0xDF));
    *opening = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('[')));
    return *opening | _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(']')));
}

#define BLOCK 64
#define LAST ((uint64_t)1 << (BLOCK - 1))

/* A bit for each of 64 bytes, the lowest for the first. */
typedef struct {
    uint64_t digits, zeros, commas, opening, closing;
} Block;

static void add_equal(uint64_t *bits, __m128i bytes, char wanted, int shift)
{
    *bits |= (uint64_t)(unsigned int)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted))) << shift;
}

static Block block_at(Text p)
{
    Block block = {0};
    for (int at = 0; at < BLOCK; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(p + at));
        block.digits |= (uint64_t)digits_among_16(p + at) << at;
        add_equal(&block.zeros, bytes, '0', at);
        add_equal(&block.commas, bytes, ',', at);
        add_equal(&block.opening, bytes, '[', at);
        add_equal(&block.closing, bytes, ']', at);
    }
    return block;
}

/* The bits of the bytes whose predecessor has a bit in `bits`; `carry` is that of the first, and becomes that of the next block. */
static uint64_t behind(uint64_t bits, uint64_t *carry)
{
    uint64_t result = bits << 1 | *carry;
    *carry = bits >> (BLOCK - 1);
    return result;
}

/* A bit for each byte up to which the number of `bits` is odd. */
static uint64_t odd_until(uint64_t bits)
{
    for (int shift = 1; shift < BLOCK; shift *= 2)
        bits ^= bits << shift;
    return bits;
}
#endif

/* Behind the digits at `p`; 16 at a time, since their number is hard to foresee. */
static Text past_digits(const Walk *walk, Text p)
{
#ifdef __SSE2__
    for (; walk->end - p >= 16; p += 16) {
        unsigned int digits = digits_among_16(p);
        if (digits != 0xFFFF)
            return p + __builtin_ctz(~digits);
    }
#endif
    while (is_digit(*p))
        p++;
    return p;
}

static unsigned char is_plain[256]; /* within a string: ASCII, and neither quote nor backslash nor control */

/* Behind the plain characters of a string at `p`. */
static Text past_plain(const Walk *walk, Text p)
{
#ifdef __SSE2__
    for (; walk->end - p >= 16; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)p);
        /* As signed numbers the bytes of other characters than ASCII are less than 0x20, too. */
        __m128i others = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)),
                                      _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
        unsigned int found = _mm_movemask_epi8(others);
        if (found)
            return p + __builtin_ctz(found);
    }
#endif
    while (is_plain[*p])
        p++;
    return p;
}

static int is_between(unsigned char c, unsigned char least, unsigned char most)
{
    return c >= least && c <= most;
}

/* One character of two to four bytes (RFC 3629, section 4). */
static Text past_utf8(Text p)
{
    unsigned char first = *p++;
    int more = is_between(first, 0xC2, 0xDF) ? 1 : is_between(first, 0xE0, 0xEF) ? 2 : 3;
    if (!is_between(first, 0xC2, 0xF4) ||
        !is_between(*p, first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80,
                    first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF))
        return NULL;
    while (--more)
        if (!is_between(*++p, 0x80, 0xBF))
            return NULL;
    return p + 1;
}

static Text past_string(Walk *walk, Text p, int is_copied)
{
    Text from = p++;
    int is_escaped = 0;
    for (;;) {
        p = past_plain(walk, p);
        if (*p == '"')
            break;
        if (*p >= 0x80) {
            if ((p = past_utf8(p)) == NULL)
                return NULL;
        } else {
            if (*p != '\\' || p[1] < 0x20 || p[1] >= 0x80)
                return NULL;
            p += 2;
            is_escaped = 1;
        }
    }
    p++;
    if (is_escaped && is_copied)
        doubt(walk, from, p);
    return p;
}

static const uint64_t powers_of_ten[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
    1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
};

#ifdef __SIZEOF_INT128__
/*
 * Whether `digits` / 10^`fraction` is the shortest decimal that is read as its double, and of those the nearest.
 * `digits` has 16 or 17 digits, of which the last is not 0.  Where it is close, the answer is no.
 */
static int is_shortest_of_double(uint64_t digits, int fraction)
{
    typedef unsigned __int128 Wide;
    uint64_t power = powers_of_ten[fraction], last = digits % 10;
    int shift = 53 + __builtin_clzll(digits) - __builtin_clzll(power);
    if (shift < 1)
        return 0;
    /* The quotient is the double's 53 bits, rounded down. */
    Wide scaled = (Wide)digits << shift;
    uint64_t quotient = (uint64_t)(scaled / power);
    if (quotient >> 53) {
        quotient >>= 1;
        scaled >>= 1;
        shift--;
    }
    if (quotient == (uint64_t)1 << 52 || quotient == ((uint64_t)1 << 53) - 1)
        return 0; /* where the distance between doubles changes */
    int64_t error = (int64_t)(uint64_t)(scaled - (Wide)quotient * power);
    if ((uint64_t)error * 2 == power)
        return 0;
    if ((uint64_t)error * 2 > power)
        error -= (int64_t)power;
    if ((uint64_t)(error < 0 ? -error : error) * 2 >= (uint64_t)1 << shift)
        return 0;
    /* Shorter decimals are multiples of 10; neither neighbour of them may be read as the same double. */
    __int128 below = ((__int128)last << shift) - error, above = ((__int128)(10 - last) << shift) + error;
    return below * 2 > power && above * 2 > power;
}
#endif

/* Whether the parser, having read the number at `p` with a fraction and without a sign, would write it so. */
static int is_shortest(Text p, Text end)
{
    Text from = p;
    uint64_t digits = 0;
    for (; is_digit(*p); p++)
        digits = digits * 10 + (*p - '0');
    int whole = (int)(p - from), fraction = (int)(end - p) - 1;
    if (*p++ != '.' || whole > SURE_DIGITS || fraction < 1 || whole + fraction > SAFE_DIGITS)
        return 0;
    if (fraction == 1 && *p == '0')
        return 1;
    if (end[-1] == '0' || (*from == '0' && p[0] == '0' && p[1] == '0'))
        return 0; /* one of many zeros may have an exponent */
    for (; p < end; p++) {
        if (!is_digit(*p))
            return 0;
        digits = digits * 10 + (*p - '0');
    }
    if (digits < powers_of_ten[SURE_DIGITS])
        return 1;
#ifdef __SIZEOF_INT128__
    if (digits < powers_of_ten[17])
        return is_shortest_of_double(digits, fraction);
#endif
    return 0;
}

static Text past_number(Walk *walk, Text p)
{
    Text from = p;
    p += *p == '-';
    Text first = p;
    p = past_digits(walk, p);
    if (p == first || (*first == '0' && p - first > 1))
        return NULL;
    if (*p == '.' || *p == 'e' || *p == 'E') {
        while (is_digit(*p) || *p == '.' || *p == 'e' || *p == 'E' || *p == '+' || *p == '-')
            p++;
        if (is_shortest(first, p))
            return p;
    } else if (p - first <= SAFE_DIGITS && !(first != from && *first == '0')) {
        return p;
    }
    doubt(walk, from, p);
    return p;
}

static Text past_word(Text p, const char *word)
{
    size_t length = strlen(word);
    return strncmp((const char *)p, word, length) == 0 ? p + length : NULL;
}

/* To where an object or array seems to end; the later reader of the text checks that it
   does.  Brackets in strings count too: where that misleads, the rest is not valid JSON. */
static Text past_brackets(const Walk *walk, Text p, int level)
{
    int within = 0, most = MAX_NESTING - level;
#ifdef __SSE2__
    for (; walk->end - p >= 16; p += 16) {
        unsigned int opening, brackets = brackets_among_16(p, &opening);
        for (; brackets != 0; brackets &= brackets - 1) {
            within += opening & brackets & -brackets ? 1 : -1;
            if (within > most)
                return NULL;
            if (within == 0)
                return p + __builtin_ctz(brackets) + 1;
        }
    }
#endif
    for (; p < walk->end; p++) {
        within += *p == '{' || *p == '[' ? 1 : *p == '}' || *p == ']' ? -1 : 0;
        if (within > most)
            return NULL;
        if (within == 0)
            return p + 1;
    }
    return NULL;
}

/* Behind a natural number as it is written plainly, and short enough to be sure of; NULL for any other value. */
static Text past_plain_natural(const Walk *walk, Text p)
{
    if (*p == '0')
        return p + 1;
    Text behind = past_digits(walk, p);
    return behind != p && behind - p <= SAFE_DIGITS ? behind : NULL;
}

/* Behind an array of nothing but such numbers, as most arrays are; NULL for any other value. */
static Text past_plain_naturals(const Walk *walk, Text p)
{
    if (*p != '[')
        return NULL;
    do
        p = past_plain_natural(walk, p + 1);
    while (p != NULL && *p == ',');
    return p != NULL && *p == ']' ? p + 1 : NULL;
}

#ifdef __SSE2__
/*
 * Behind an array of arrays of nothing but plain naturals, as stacks are: a block at a time, without a look at
 * each number.  NULL for any other value, and where one of its numbers is long or the text ends soon.
 */
static Text past_arrays(Walk *walk, Text p, int level)
{
    uint64_t digit = 0, zero = 0, comma = 1, opening = 0, closing = 0; /* what the byte before is */
    int within = 0, most = MAX_NESTING - level, digits_before = 0, opened_last = 0;
    if (p < walk->other_until)
        return NULL;
    for (; walk->end - p >= BLOCK; p += BLOCK) {
        Block block = block_at(p);
        uint64_t brackets = block.opening | block.closing, odd = odd_until(brackets);
        uint64_t runs = block.digits & block.digits >> 1, end = 0;
        uint64_t first_digits = block.digits & ~(block.digits << 1 | digit);
        uint64_t behind_closing = behind(block.closing, &closing), behind_opening = behind(block.opening, &opening);
        uint64_t behind_comma = behind(block.commas, &comma), behind_digit = behind(block.digits, &digit);
        runs &= runs >> 2;
        runs &= runs >> 4;
        runs &= runs >> 8;
        uint64_t wrong = ~(block.digits | block.commas | brackets) | runs | (block.digits & behind_closing) |
                         (block.digits & behind(block.zeros & first_digits, &zero)) |
                         (block.commas & (behind_comma | behind_opening)) |
                         (block.opening & (behind_digit | behind_closing)) | (block.closing & behind_comma);
        if (digits_before + __builtin_ctzll(~block.digits | LAST) > SAFE_DIGITS)
            wrong |= 1;
        digits_before = __builtin_clzll(~block.digits | 1);
        /* Most often arrays within one array follow each other, and the level need not be counted. */
        if ((opened_last ? block.closing : block.opening) == (brackets & odd) && within - opened_last > 0 &&
            within - opened_last < most) {
            within += odd >> (BLOCK - 1) ? (opened_last ? -1 : 1) : 0;
            opened_last ^= (int)(odd >> (BLOCK - 1));
        } else {
            for (uint64_t left = brackets; left != 0 && end == 0; left &= left - 1) {
                opened_last = (block.opening & left & -left) != 0;
                within += opened_last ? 1 : -1;
                if (within == 0)
                    end = left & -left;
                else if (within > most)
                    wrong |= left & -left;
            }
        }
        if (end ? wrong & (end | (end - 1)) : wrong) {
            walk->other_until = p + __builtin_ctzll(wrong);
            return NULL;
        }
        if (end)
            return p + __builtin_ctzll(end) + 1;
    }
    walk->other_until = p;
    return NULL;
}
#endif

/* `level` is how many objects and arrays are around the value. */
static Text past_value(Walk *walk, Text p, int level)
{
    switch (*p) {
    case '"':
        return past_string(walk, p, 1);
    case '{':
    case '[':
        break;
    case 't':
        return past_word(p, "true");
    case 'f':
        return past_word(p, "false");
    case 'n':
        return past_word(p, "null");
    default:
        return past_number(walk, p);
    }
    if (level >= MAX_NESTING)
        return NULL;
#ifdef __SSE2__
    if (*p == '[' && p[1] == '[') {
        Text behind_arrays = past_arrays(walk, p, level);
        if (behind_arrays != NULL)
            return behind_arrays;
    }
#endif
    int is_object = *p == '{';
    unsigned char closing = is_object ? '}' : ']';
    uint32_t object = ++walk->objects;
    if (*++p == closing)
        return p + 1;
    for (;; p++) {
        if (is_object) {
            Text key = p;
            if (*p != '"' || (p = past_string(walk, p, 1)) == NULL || *p != ':')
                return NULL;
            if (!is_new_key(walk, object, key, p))
                return NULL;
            p++;
        }
        Text from = p;
        p = *p != '[' ? past_plain_natural(walk, p) : level + 1 < MAX_NESTING ? past_plain_naturals(walk, p) : NULL;
        if ((p == NULL || (*p != ',' && *p != closing)) && (p = past_value(walk, from, level + 1)) == NULL)
            return NULL;
        if (*p != ',')
            return *p == closing ? p + 1 : NULL;
    }
}

/* A key as a str; NULL without an exception where it has escapes in it. */
static PyObject *key_at(Walk *walk, Text *p)
{
    Text from = *p;
    if (*from != '"' || (*p = past_string(walk, from, 0)) == NULL || **p != ':')
        return NULL;
    size_t length = *p - from - 2;
    *p += 1;
    if (memchr(from + 1, '\\', length) != NULL)
        return NULL;
    PyObject *key = PyUnicode_DecodeUTF8((const char *)from + 1, length, NULL);
    if (key == NULL)
        PyErr_Clear();
    return key;
}

/* ---- split */

typedef struct {
    PyObject *opened, *packable, *any;
} Kinds;

static PyObject *split_object(Walk *walk, Text *p, PyObject *plan, const Kinds *kinds, int level);

static PyObject *part_at(Walk *walk, Text *p, PyObject *plan, const Kinds *kinds, int level)
{
    Text from = *p;
    if (plan != NULL && *from == '{' && from[1] != '}') {
        if (plan != Py_None)
            return split_object(walk, p, plan, kinds, level);
        if ((*p = past_brackets(walk, from, level)) == NULL)
            return NULL;
        return PyObject_CallFunction(kinds->packable, "y#", from, (Py_ssize_t)(*p - from));
    }
    if ((*p = past_value(walk, from, level)) == NULL)
        return NULL;
    return PyBytes_FromStringAndSize((const char *)from, *p - from);
}

static PyObject *split_object(Walk *walk, Text *p, PyObject *plan, const Kinds *kinds, int level)
{
    if (**p != '{' || level >= MAX_NESTING)
        return NULL;
    PyObject *parts = PyObject_CallNoArgs(kinds->opened);
    if (parts == NULL)
        return NULL;
    if (*++*p == '}') {
        ++*p;
        return parts;
    }
    for (;; ++*p) {
        PyObject *key = key_at(walk, p), *part = NULL;
        int is_set = 0;
        if (key != NULL && !PyDict_Contains(parts, key)) {
            PyObject *inner = PyDict_GetItemWithError(plan, key);
            if (inner == NULL)
                inner = PyDict_GetItemWithError(plan, kinds->any);
            part = part_at(walk, p, inner, kinds, level + 1);
            is_set = part != NULL && PyDict_SetItem(parts, key, part) == 0;
        }
        Py_XDECREF(key);
        Py_XDECREF(part);
        if (!is_set || (**p != ',' && **p != '}')) {
            Py_DECREF(parts);
            return NULL;
        }
        if (**p == '}') {
            ++*p;
            return parts;
        }
    }
}

static PyObject *none_unless_raised(void)
{
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *split(PyObject *self, PyObject *args)
{
    const char *text;
    Py_ssize_t length;
    PyObject *plan, *result = NULL;
    Kinds kinds;
    if (!PyArg_ParseTuple(args, "y#O!OO", &text, &length, &PyDict_Type, &plan, &kinds.opened, &kinds.packable))
        return NULL;
    if ((kinds.any = PyUnicode_FromString("*")) == NULL)
        return NULL;
    Walk walk;
    if (!start(&walk, text, length)) {
        Py_DECREF(kinds.any);
        Py_RETURN_NONE;
    }
    Text p = walk.text;
    PyObject *parts = split_object(&walk, &p, plan, &kinds, 0);
    if (parts != NULL && p == (Text)text + length) {
        PyObject *doubts = doubts_of(&walk);
        if (doubts != NULL)
            result = PyTuple_Pack(2, parts, doubts);
        Py_XDECREF(doubts);
    }
    Py_XDECREF(parts);
    Py_DECREF(kinds.any);
    finish(&walk);
    return result != NULL ? result : none_unless_raised();
}

/* ---- pack */

/* A definition, as `ping_text.py` lays it out. */
typedef struct {
    int64_t client_type, bucket_count, low, high, size;
    int64_t following; /* how many others of the same name lie behind this one: what fits first counts */
    int64_t head_length; /* of the text with which clients begin a histogram that agrees with this definition */
    int64_t starts[]; /* `size` of them, rising; behind them the position of each, and behind these the text */
} Layout;

static const char *head_of(const Layout *layout)
{
    return (const char *)(layout->starts + 2 * layout->size);
}

static const Layout *next_layout(const Layout *layout)
{
    return (const Layout *)(head_of(layout) + (layout->head_length + 7) / 8 * 8);
}

/* What a row has for buckets without counts. */
static char empty_buckets[2 * MAX_BUCKETS];

/* The numbers of a row that are not 0, and their places in it. */
static int64_t row_numbers[MAX_BUCKETS + SUMMARY_NUMBERS], row_places[MAX_BUCKETS + SUMMARY_NUMBERS];

/* What the histogram that was read last puts into the tables. */
static struct {
    int64_t length; /* how many of its buckets are not empty */
    int is_simple;  /* all numbers fit in 32 bits: else its row is read once more */
    Text sum;       /* NULL where the client sent none */
    int32_t starts[MAX_BUCKETS + 1], counts[MAX_BUCKETS + 1];
} cells_read;

enum { SUM, RANGE = 5, BUCKET_COUNT, HISTOGRAM_TYPE, VALUES, FIELDS };
#define NAMED(name) {name "\":", sizeof name + 1}
static const struct {
    const char *name;
    size_t length;
} FIELD[FIELDS] = {
    /* The first five in the order of a row's summary. */
    NAMED("sum"), NAMED("log_sum"), NAMED("log_sum_squares"), NAMED("sum_squares_lo"),
    NAMED("sum_squares_hi"), NAMED("range"), NAMED("bucket_count"), NAMED("histogram_type"),
    NAMED("values"),
};

static Text past_natural(Text p, int64_t *number)
{
    Text from = p;
    int64_t value = 0;
    for (; is_digit(*p) && p - from < SAFE_DIGITS; p++)
        value = value * 10 + (*p - '0');
    if (p == from || is_digit(*p) || (*from == '0' && p - from > 1))
        return NULL;
    *number = value;
    return p;
}

static Text past_equal(Text p, int64_t expected)
{
    int64_t sent;
    p = past_natural(p, &sent);
    /* What comes behind it must end it: "1.5" begins as 1 does. */
    return p != NULL && sent == expected && (*p == ',' || *p == '}' || *p == ']') ? p : NULL;
}

static int64_t find(const Layout *layout, int64_t bucket)
{
    int64_t low = 0, high = layout->size;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (layout->starts[middle] < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return low < layout->size && layout->starts[low] == bucket ? low : -1;
}

/* Behind the number at `p`, which is any JSON number; NULL for any other value. */
static Text past_row_number(const Walk *walk, Text p, int64_t *number)
{
    int is_negative = *p == '-';
    Text first = p + is_negative, end = past_digits(walk, first);
    uint64_t value = 0;
    *number = NO_NUMBER;
    if (end == first)
        return NULL;
    if (end - first <= SAFE_DIGITS + 1) { /* 19 digits fit in 64 bits without a sign */
        for (Text at = first; at < end; at++)
            value = value * 10 + (*at - '0');
        if (value <= INT64_MAX)
            *number = is_negative ? -(int64_t)value : (int64_t)value;
    }
    if (*end == '.' || *end == 'e' || *end == 'E') {
        *number = NO_NUMBER;
        while (is_digit(*end) || *end == '.' || *end == 'e' || *end == 'E' || *end == '+' || *end == '-')
            end++;
    }
    return end;
}

/* Note a bucket with the count between two places, unless it is 0; returns how many are noted then. */
static int64_t read_cell(int64_t length, int64_t start, Text from, Text end)
{
    int64_t count = *from++ - '0';
    while (from < end)
        count = count * 10 + (*from++ - '0');
    if (count > INT32_MAX || start > INT32_MAX)
        cells_read.is_simple = 0;
    cells_read.starts[length] = (int32_t)start;
    cells_read.counts[length] = (int32_t)count;
    return length + (count != 0);
}

/* Both may write some bytes more than they add: of short texts that is quicker than to look. */
static char *add_empty_buckets(char *to, int64_t count)
{
    memcpy(to, empty_buckets, count <= SHORT ? 2 * SHORT : (size_t)(2 * count));
    return to + 2 * count;
}

static char *add_count(const Walk *walk, char *to, Text from, Text end)
{
    if (end - from <= SHORT && walk->end - from >= SHORT)
        memcpy(to, from, SHORT);
    else
        memcpy(to, from, end - from);
    to += end - from;
    *to++ = ',';
    return to;
}

/* Write the counts of the buckets at `p`; NULL unless the buckets rise, as clients send them. */
static Text past_counts(const Walk *walk, Text p, const Layout *layout, Buffer *out, int is_noted)
{
    const int64_t *positions = layout->starts + layout->size;
    int64_t at = 0, place = 0, noted = 0; /* of the next start, and of the next number of the row */
    char *to = room_for(out, (size_t)layout->bucket_count * (SAFE_DIGITS + 1) + 2 * SHORT);
    cells_read.is_simple = 1;
    if (to == NULL || *p++ != '{')
        return NULL;
    for (; *p != '}'; p += *p == ',') {
        int64_t bucket;
        if (*p != '"' || (p = past_natural(p + 1, &bucket)) == NULL || *p++ != '"' || *p++ != ':')
            return NULL;
        /* Most often it is the one behind the last. */
        if ((at >= layout->size || layout->starts[at] != bucket) && (at = find(layout, bucket)) < 0)
            return NULL;
        Text from = p;
        p = past_digits(walk, p);
        if (p == from || p - from > SAFE_DIGITS || (*from == '0' && p - from > 1) || (*p == ',' ? p[1] != '"' : *p != '}'))
            return NULL;
        int64_t position = positions[at++];
        if (position < place)
            return NULL;
        to = add_count(walk, add_empty_buckets(to, position - place), from, p);
        place = position + 1;
        if (is_noted)
            noted = read_cell(noted, bucket, from, p);
    }
    cells_read.length = noted;
    out->length = add_empty_buckets(to, layout->bucket_count - place) - out->data;
    return p + 1;
}

/* The field whose name begins at `p`; clients send them in about this order, so the one behind the `last` first. */
static int field_at(const Walk *walk, Text p, int last)
{
    for (int i = 1; i <= FIELDS; i++) {
        int field = (last + i) % FIELDS;
        size_t length = FIELD[field].length;
        if ((size_t)(walk->end - p) >= length && *p == (unsigned char)*FIELD[field].name &&
            memcmp(p, FIELD[field].name, length) == 0)
            return field;
    }
    return FIELDS;
}

/* Write the row of the histogram at `p`; NULL unless everything about it is right. */
static Text past_histogram(Walk *walk, Text p, const Layout *layout, Buffer *out, int is_noted)
{
    struct {
        Text from, end;
    } fields[FIELDS];
    int field = RANGE - 1;
    unsigned int is_sent = 0; /* a bit for each field */
    if (*p != '{')
        return NULL;
    add(out, "[", 1);
    if (walk->end - p > layout->head_length && memcmp(p, head_of(layout), layout->head_length) == 0) {
        is_sent = 1u << RANGE | 1u << BUCKET_COUNT | 1u << HISTOGRAM_TYPE;
        p += layout->head_length - 1;
        field = VALUES - 1;
    }
    do {
        if (*++p != '"')
            return NULL;
        field = field_at(walk, ++p, field);
        if (field == FIELDS || is_sent >> field & 1)
            return NULL;
        is_sent |= 1u << field;
        p += FIELD[field].length;
        fields[field].from = p;
        switch (field) {
        case RANGE:
            if (*p != '[' || (p = past_equal(p + 1, layout->low)) == NULL || *p != ',' ||
                (p = past_equal(p + 1, layout->high)) == NULL || *p++ != ']')
                return NULL;
            break;
        case BUCKET_COUNT:
            p = past_equal(p, layout->bucket_count);
            break;
        case HISTOGRAM_TYPE:
            p = past_equal(p, layout->client_type);
            break;
        case VALUES:
            p = past_counts(walk, p, layout, out, is_noted);
            break;
        default:
            p = past_number(walk, p);
        }
        if (p == NULL)
            return NULL;
        fields[field].end = p;
    } while (*p == ',');
    if (*p != '}' || !(is_sent >> VALUES & 1))
        return NULL;
    for (field = 0; field < RANGE; field++) {
        if (is_sent >> field & 1)
            add(out, fields[field].from, fields[field].end - fields[field].from);
        else
            add(out, "-1", 2);
        add(out, field == RANGE - 1 ? "]" : ",", 1);
    }
    cells_read.sum = is_sent >> SUM & 1 ? fields[SUM].from : NULL;
    return p + 1;
}

/* ---- refusals: why a histogram cannot become a row, found without decoding it */

enum { WRONG_TYPE, WRONG_BUCKET_COUNT, WRONG_RANGE, WRONG_BUCKET, WRONG_COUNT, REASONS }; /* as in histogram_check.py */

typedef struct {
    int64_t numbers[4]; /* histogram_type, bucket_count, and the two of range; -1 where they were not sent */
    Text bad_key, bad_key_end; /* of the first bucket that the layout does not have */
    Text bad_count, bad_count_end, its_key, its_key_end; /* of the first bucket with a count below 0 */
    int has_unusual_count; /* before that: a fraction, or very long */
} Outline;

/* Note the count between two places, which is unusual; `key` is that of its bucket. */
static void note_count(const Walk *walk, Outline *outline, Text key, Text count, Text end)
{
    if (outline->bad_count != NULL || outline->has_unusual_count)
        return;
    if (*count == '-' && count[1] != '0' && past_plain_natural(walk, count + 1) == end) {
        outline->bad_count = count;
        outline->bad_count_end = end;
        outline->its_key = key;
        outline->its_key_end = count - 2;
    } else {
        outline->has_unusual_count = 1;
    }
}

static Text past_buckets(Walk *walk, Text p, const Layout *layout, Outline *outline)
{
    uint32_t object = ++walk->objects;
    int64_t last = -1, bucket;
    if (*p++ != '{')
        return NULL;
    if (*p == '}')
        return p + 1;
    for (;; p++) {
        Text key = p;
        if (*p++ != '"')
            return NULL;
        p = past_plain(walk, p);
        if (*p != '"' || p[1] != ':')
            return NULL;
        int is_number = past_natural(key + 1, &bucket) == p;
        /* Numbers that rise are different keys. */
        if (is_number && bucket > last)
            last = bucket;
        else if (is_number || !is_new_key(walk, object, key, p + 1))
            return NULL;
        if (layout != NULL && outline->bad_key == NULL && (!is_number || find(layout, bucket) < 0)) {
            outline->bad_key = key + 1;
            outline->bad_key_end = p;
        }
        Text count = p += 2, behind = past_plain_natural(walk, p);
        if (behind != NULL && (*behind == ',' || *behind == '}'))
            p = behind;
        else if ((p = past_number(walk, count)) != NULL)
            note_count(walk, outline, key + 1, count, p);
        if (p == NULL || *p != ',')
            return p != NULL && *p == '}' ? p + 1 : NULL;
    }
}

static Text past_range(Text p, int64_t *bounds)
{
    if (*p != '[' || (p = past_natural(p + 1, bounds)) == NULL || *p != ',' ||
        (p = past_natural(p + 1, bounds + 1)) == NULL || *p != ']')
        return NULL;
    return p + 1;
}

/* The place behind the histogram at `p`; NULL unless each field is known, of the right type, and sent once. */
static Text past_outline(Walk *walk, Text p, const Layout *layout, Outline *outline)
{
    int is_there[FIELDS] = {0}, field = RANGE - 1;
    if (*p != '{')
        return NULL;
    do {
        if (*++p != '"')
            return NULL;
        field = field_at(walk, ++p, field);
        if (field == FIELDS || is_there[field])
            return NULL;
        is_there[field] = 1;
        p += FIELD[field].length;
        switch (field) {
        case RANGE:
            p = past_range(p, outline->numbers + 2);
            break;
        case BUCKET_COUNT:
            p = past_natural(p, outline->numbers + 1);
            break;
        case HISTOGRAM_TYPE:
            p = past_natural(p, outline->numbers);
            break;
        case VALUES:
            p = past_buckets(walk, p, layout, outline);
            break;
        default:
            p = past_number(walk, p);
        }
        if (p == NULL)
            return NULL;
    } while (*p == ',');
    return *p == '}' && is_there[VALUES] ? p + 1 : NULL;
}

/* A key for a detail: quoted only if it looks like a number, since other text may be private. */
static int detail_of_key(char *detail, Text key, Text end)
{
    static const char digits[] = "0123456789+-. eE";
    int length = (int)(end - key), is_number = length <= SHORT_KEY;
    for (Text p = key; is_number && p < end; p++)
        is_number = memchr(digits, *p, sizeof digits - 1) != NULL;
    if (is_number)
        return snprintf(detail, LONGEST_DETAIL, "\"bucket '%.*s' is not the lower bound of a bucket\"", length,
                        (const char *)key);
    return snprintf(detail, LONGEST_DETAIL, "\"a bucket key of %d characters is not the lower bound of a bucket\"",
                    length);
}

/*
 * Write the detail of the first reason to drop a histogram, which `*reason` becomes; as in `histogram_check.py`.
 * Its length; 0 where the histogram must be decoded.
 */
static int write_detail(char *detail, const Outline *outline, const Layout *layout, int *reason)
{
    const int64_t *sent = outline->numbers, wanted[] = {layout->client_type, layout->bucket_count};
    for (*reason = WRONG_TYPE; *reason <= WRONG_BUCKET_COUNT; *reason += 1)
        if (sent[*reason] != -1 && sent[*reason] != wanted[*reason])
            return snprintf(detail, LONGEST_DETAIL, "\"%s %lld was sent, the definition says %lld\"",
                            *reason == WRONG_TYPE ? "histogram_type" : "bucket_count", (long long)sent[*reason],
                            (long long)wanted[*reason]);
    if (sent[2] != -1 && (sent[2] != layout->low || sent[3] != layout->high))
        return snprintf(detail, LONGEST_DETAIL,
                        "\"range [%lld, %lld] was sent, the definition says [%lld, %lld]\"", (long long)sent[2],
                        (long long)sent[3], (long long)layout->low, (long long)layout->high);
    *reason = WRONG_BUCKET;
    if (outline->bad_key != NULL)
        return detail_of_key(detail, outline->bad_key, outline->bad_key_end);
    *reason = WRONG_COUNT;
    if (outline->bad_count == NULL)
        return 0;
    return snprintf(detail, LONGEST_DETAIL, "\"the count of bucket %.*s is %.*s, not from 0 to 2^63-1\"",
                    (int)(outline->its_key_end - outline->its_key), (const char *)outline->its_key,
                    (int)(outline->bad_count_end - outline->bad_count), (const char *)outline->bad_count);
}

static PyObject *found_for(PyObject *layouts, PyObject *name)
{
    PyObject *found = PyDict_GetItemWithError(layouts, name);
    if (found == NULL && !PyErr_Occurred() && (found = PyObject_GetItem(layouts, name)) != NULL)
        Py_DECREF(found); /* its __missing__ keeps what it returns */
    return found;
}

/* The first layout in `found`; NULL where there is none, or one with too many buckets. */
static const Layout *layout_in(PyObject *found)
{
    if (!PyBytes_Check(found) || (size_t)PyBytes_GET_SIZE(found) < sizeof(Layout))
        return NULL;
    const Layout *first = (const Layout *)PyBytes_AS_STRING(found), *layout = first;
    const char *end = PyBytes_AS_STRING(found) + PyBytes_GET_SIZE(found);
    for (int64_t following = first->following;; following--) {
        if (layout->bucket_count > MAX_BUCKETS || layout->following != following)
            return NULL;
        layout = next_layout(layout);
        if (following == 0)
            return (const char *)layout == end ? first : NULL;
        if ((size_t)(end - (const char *)layout) < sizeof(Layout))
            return NULL;
    }
}

/* Add the rows so far to the chunks, as an object. */
static int end_chunk(PyObject *chunks, Buffer *out)
{
    if (out->length == 0)
        return 0;
    add(out, "}", 1);
    if (out->failed)
        return 1;
    PyObject *chunk = PyBytes_FromStringAndSize(out->data, out->length);
    int failed = chunk == NULL || PyList_Append(chunks, chunk) < 0;
    Py_XDECREF(chunk);
    out->length = 0;
    return failed;
}

static int add_surprise(PyObject *chunks, PyObject *name, Text text, Text from, Text end)
{
    PyObject *place = Py_BuildValue("(Onn)", name, (Py_ssize_t)(from - text), (Py_ssize_t)(end - text));
    int failed = place == NULL || PyList_Append(chunks, place) < 0;
    Py_XDECREF(place);
    return failed;
}

/* A value that is decoded later. */
static Text past_any(Walk *walk, Text p)
{
    if (*p == '{' || *p == '[')
        return past_brackets(walk, p, 0);
    size_t doubts = walk->doubts.length;
    p = past_value(walk, p, 0);
    walk->doubts.length = doubts;
    return p;
}

/* A name that has a layout, so that its next occurrence needs no new object. */
typedef struct {
    PyObject *name, *found; /* NULL: free; else ASCII, and bytes with layouts that `layout_in` has checked */
    uint32_t hash, object;  /* the last object that had it */
} KnownName;

typedef struct {
    uint32_t objects; /* how many were packed with these names */
    KnownName slots[NAME_SLOTS];
} KnownNames;

static const char KNOWN_NAMES[] = "telemetry_server known names";

static void free_known_names(PyObject *capsule)
{
    KnownNames *names = PyCapsule_GetPointer(capsule, KNOWN_NAMES);
    for (int i = 0; i < NAME_SLOTS; i++) {
        Py_XDECREF(names->slots[i].name);
        Py_XDECREF(names->slots[i].found);
    }
    PyMem_Free(names);
}

static PyObject *known_names(PyObject *self, PyObject *args)
{
    KnownNames *names = PyMem_Calloc(1, sizeof *names);
    if (names == NULL)
        return PyErr_NoMemory();
    PyObject *capsule = PyCapsule_New(names, KNOWN_NAMES, free_known_names);
    if (capsule == NULL)
        PyMem_Free(names);
    return capsule;
}

/* The slot of the name between two places, which may be free; NULL where there is none. */
static KnownName *slot_of(KnownNames *names, uint32_t hash, Text name, Text end)
{
    for (uint32_t i = 0; i < NAME_PROBES; i++) {
        KnownName *slot = names->slots + ((hash + i) & (NAME_SLOTS - 1));
        if (slot->name == NULL || (slot->hash == hash && PyUnicode_GET_LENGTH(slot->name) == end - name &&
                                   memcmp(PyUnicode_1BYTE_DATA(slot->name), name, end - name) == 0))
            return slot;
    }
    return NULL;
}

typedef struct {
    Walk walk;
    Buffer out;
    KnownNames *known; /* NULL where `layouts` is one for all names */
    PyObject *layouts, *chunks, *names; /* of what was kept */
    PyObject *reasons; /* to drop a histogram */
    const char *where, *histogram; /* the path of what is packed, and whose keys it has; NULL where it has names */
    Py_ssize_t kept, numbers;
    PyObject *labels; /* keys of what was kept */
    int refused;      /* histograms */
    Buffer cells;     /* of int32: for each name how many rows, and for each of them what `add_cells` adds */
    int has_cells; /* the caller wants them, and none is lacking so far */
} Packing;

/* Add what the row that was just packed puts into the tables: see `spread`. */
static void add_cells(Packing *packing, const Layout *layout)
{
    int64_t length = cells_read.length, sum = NO_NUMBER;
    if (!cells_read.is_simple)
        packing->has_cells = 0;
    if (!packing->has_cells)
        return;
    int32_t *to = (int32_t *)room_for(&packing->cells, (size_t)(CELL_HEAD + 2 * length) * sizeof *to);
    if (to == NULL)
        return;
    if (cells_read.sum != NULL)
        past_row_number(&packing->walk, cells_read.sum, &sum);
    if (sum == -1)
        sum = NO_NUMBER;
    *to++ = (int32_t)layout->bucket_count;
    *to++ = (int32_t)length;
    memcpy(to, &sum, sizeof sum);
    to += 2;
    memcpy(to, cells_read.starts, (size_t)length * sizeof *to);
    memcpy(to + length, cells_read.counts, (size_t)length * sizeof *to);
    packing->cells.length += (size_t)(CELL_HEAD + 2 * length) * sizeof *to;
}

/* Add the key between two places as a label; one with escapes in it is left to the reader of the row. */
static int add_label(Packing *packing, Text from, Text end)
{
    if (memchr(from, '\\', end - from) != NULL)
        packing->has_cells = 0;
    if (!packing->has_cells)
        return 1;
    PyObject *label = PyUnicode_DecodeUTF8((const char *)from, end - from, NULL);
    int is_added = label != NULL && PyList_Append(packing->labels, label) == 0;
    Py_XDECREF(label);
    return is_added;
}

static Text past_row(Packing *packing, Text p, const Layout *layout)
{
    size_t doubts = packing->walk.doubts.length, length = packing->out.length;
    for (;; layout = next_layout(layout)) {
        Text end = past_histogram(&packing->walk, p, layout, &packing->out, packing->has_cells);
        if (end != NULL) {
            packing->kept += 1;
            packing->numbers += layout->bucket_count + SUMMARY_NUMBERS;
            add_cells(packing, layout);
            return packing->numbers <= MAX_NUMBERS ? end : NULL;
        }
        if (layout->following == 0)
            return NULL;
        packing->walk.doubts.length = doubts;
        packing->out.length = length;
    }
}

/* An object of histograms by key; NULL if one of them is not right. */
static Text past_keyed_rows(Packing *packing, Text p, const Layout *layout)
{
    uint32_t object = ++packing->walk.objects;
    if (*p != '{' || p[1] == '}')
        return NULL; /* a name stays only while a key of it does */
    do {
        add(&packing->out, p, 1);
        Text key = ++p;
        if (*p != '"' || (p = past_string(&packing->walk, p, 1)) == NULL || *p++ != ':')
            return NULL;
        if (!is_new_key(&packing->walk, object, key, p))
            return NULL;
        add(&packing->out, key, p - key);
        if (!add_label(packing, key + 1, p - 2))
            return NULL;
        p = past_row(packing, p, layout);
    } while (p != NULL && *p == ',');
    if (p == NULL || *p != '}')
        return NULL;
    add(&packing->out, p, 1);
    return p + 1;
}

/* Write the entry's name and its row, or its rows by key; NULL with or without an exception where it has none. */
static Text past_kept(Packing *packing, PyObject *name, Text key, Text p, const Layout *layout, int is_keyed)
{
    size_t out = packing->out.length, cells = packing->cells.length, doubts = packing->walk.doubts.length;
    Py_ssize_t kept = packing->kept, numbers = packing->numbers, labels = PyList_GET_SIZE(packing->labels);
    Text end;
    int32_t rows = 0;
    add(&packing->out, out ? "," : "{", 1);
    add(&packing->out, key, p - key);
    if (packing->has_cells)
        add(&packing->cells, &rows, sizeof rows);
    end = (is_keyed ? past_keyed_rows : past_row)(packing, p, layout);
    if (end != NULL && PyList_Append(packing->names, name) < 0)
        end = NULL;
    rows = (int32_t)(packing->kept - kept);
    if (packing->has_cells && !packing->cells.failed)
        memcpy(packing->cells.data + cells, &rows, sizeof rows);
    if (end != NULL || PyErr_Occurred())
        return end;
    packing->kept = kept;
    packing->numbers = numbers;
    packing->out.length = out;
    packing->cells.length = cells;
    packing->walk.doubts.length = doubts;
    PyList_SetSlice(packing->labels, labels, PyList_GET_SIZE(packing->labels), NULL);
    return NULL;
}

typedef struct {
    PyObject *text;  /* a new reference */
    PyObject *found; /* what `layouts` has for it; NULL where it is not looked up */
    const Layout *layout;
} Name;

/* Whether a text looks the same in JSON and in a message: printable ASCII without quotes and backslashes. */
static int is_printable(Text p, Text end)
{
    for (; p < end; p++)
        if (!is_plain[*p] || *p == 0x7F)
            return 0;
    return 1;
}

typedef struct {
    const void *text;
    size_t length;
} Piece;

/* What quarantine holds of a dropped histogram, as `outcomes/quarantine_line.py` writes it. */
static PyObject *quarantined(const Packing *packing, Piece name, Piece detail, Piece value)
{
    Piece where = {packing->where, strlen(packing->where)}, histogram = name;
    if (packing->histogram != NULL)
        histogram = (Piece){packing->histogram, strlen(packing->histogram)};
#define FIXED(words) {words, sizeof words - 1}
    const Piece pieces[] = {FIXED("{\"histogram\":\""), histogram, FIXED("\",\"where\":\""), where, FIXED("."), name,
                            FIXED("\",\"detail\":"), detail, FIXED(",\"body\":"), value, FIXED("}")};
#undef FIXED
    size_t length = 0, count = sizeof pieces / sizeof *pieces;
    for (size_t i = 0; i < count; i++)
        length += pieces[i].length;
    PyObject *text = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)length);
    if (text == NULL)
        return NULL;
    char *to = PyBytes_AS_STRING(text);
    for (size_t i = 0; i < count; i++) {
        memcpy(to, pieces[i].text, pieces[i].length);
        to += pieces[i].length;
    }
    return text;
}

/* Add why the histogram at `p` is dropped to the chunks; NULL with or without an exception where it must be decoded. */
static Text past_refused(Packing *packing, Text key, Text p, const Name *name)
{
    Outline outline = {.numbers = {-1, -1, -1, -1}};
    const Layout *layout = name->layout;
    Text key_end = p - 2;
    size_t doubts = packing->walk.doubts.length;
    int reason = REASONS;
    char words[LONGEST_DETAIL];
    Piece detail = {words, 0};
    key++;
    if ((layout != NULL ? layout->following != 0 : !PyTuple_Check(name->found)) || packing->where == NULL ||
        key_end - key > LONGEST_NAME || !is_printable(key, key_end))
        return NULL;
    Text end = past_outline(&packing->walk, p, layout, &outline);
    if (end != NULL && (outline.bad_key != NULL || !outline.has_unusual_count)) {
        if (layout != NULL) {
            detail.length = (size_t)write_detail(words, &outline, layout, &reason);
        } else if (PyTuple_GET_SIZE(name->found) == 2 && PyBytes_Check(PyTuple_GET_ITEM(name->found, 1))) {
            PyObject *text = PyTuple_GET_ITEM(name->found, 1);
            detail = (Piece){PyBytes_AS_STRING(text), (size_t)PyBytes_GET_SIZE(text)};
        }
    }
    if (detail.length == 0) {
        packing->walk.doubts.length = doubts;
        return NULL;
    }
    PyObject *text = quarantined(packing, (Piece){key, (size_t)(key_end - key)}, detail, (Piece){p, (size_t)(end - p)});
    PyObject *why = PyTuple_GET_ITEM(layout != NULL ? packing->reasons : name->found, layout != NULL ? reason : 0);
    PyObject *refusal = text == NULL ? NULL : PyTuple_Pack(2, why, text);
    int failed = refusal == NULL || PyList_Append(packing->chunks, refusal) < 0;
    Py_XDECREF(text);
    Py_XDECREF(refusal);
    packing->refused += 1;
    return failed ? NULL : end;
}

/* The name at `p` and what is known of it, in an object of names; 0 with or without an exception where it is not new. */
static int name_at(Packing *packing, Text *p, Name *name)
{
    Text key = *p, end = *key == '"' ? past_plain(&packing->walk, key + 1) : key;
    KnownName *slot = NULL;
    uint32_t hash = 0;
    if (packing->known != NULL && end > key && end[0] == '"' && end[1] == ':') {
        hash = hash_of(0, key + 1, end - key - 1);
        slot = slot_of(packing->known, hash, key + 1, end);
    }
    if (slot != NULL && slot->name != NULL) {
        if (slot->object == packing->known->objects)
            return 0;
        slot->object = packing->known->objects;
        *p = end + 2;
        *name = (Name){Py_NewRef(slot->name), slot->found, (const Layout *)PyBytes_AS_STRING(slot->found)};
        return 1;
    }
    *name = (Name){key_at(&packing->walk, p), NULL, NULL};
    if (name->text == NULL)
        return 0;
    if (is_new_key(&packing->walk, 0, key, *p))
        name->found = PyDict_Check(packing->layouts) ? found_for(packing->layouts, name->text) : packing->layouts;
    if (name->found == NULL) {
        Py_DECREF(name->text);
        return 0;
    }
    name->layout = layout_in(name->found);
    if (slot != NULL && name->layout != NULL)
        *slot = (KnownName){Py_NewRef(name->text), Py_NewRef(name->found), hash, packing->known->objects};
    return 1;
}

/* One entry of the object; NULL with or without an exception where that cannot be. */
static Text pack_entry(Packing *packing, Text p, int is_keyed)
{
    Text key = p, end = NULL;
    Name name;
    if (packing->refused > MAX_DROPPED || !name_at(packing, &p, &name))
        return NULL;
    if (name.layout != NULL)
        end = past_kept(packing, name.text, key, p, name.layout, is_keyed);
    if (end == NULL && !is_keyed && !PyErr_Occurred())
        end = past_refused(packing, key, p, &name);
    if (end == NULL && !PyErr_Occurred()) {
        end = past_any(&packing->walk, p);
        if (end != NULL && (end_chunk(packing->chunks, &packing->out) ||
                            add_surprise(packing->chunks, name.text, packing->walk.text, p, end)))
            end = NULL;
    }
    Py_DECREF(name.text);
    return end;
}

/* What all rows put into the tables; None where the rows must be read for that. */
static PyObject *cells_of(const Packing *packing)
{
    if (!packing->has_cells || packing->cells.failed)
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize(packing->cells.data, packing->cells.length);
}

/* A text of which `is_printable` is true, in UTF-8; NULL without an exception for any other object. */
static const char *printable(PyObject *text)
{
    if (!PyUnicode_Check(text) || !PyUnicode_IS_ASCII(text))
        return NULL;
    Text p = PyUnicode_1BYTE_DATA(text);
    return is_printable(p, p + PyUnicode_GET_LENGTH(text)) ? (const char *)p : NULL;
}

static PyObject *pack(PyObject *self, PyObject *args)
{
    const char *text;
    Py_ssize_t length;
    int is_keyed;
    Packing packing = {0};
    PyObject *known, *where, *histogram, *result = NULL;
    if (!PyArg_ParseTuple(args, "y#OOppO!OO", &text, &length, &packing.layouts, &known, &is_keyed, &packing.has_cells,
                          &PyTuple_Type, &packing.reasons, &where, &histogram))
        return NULL;
    if (PyTuple_GET_SIZE(packing.reasons) < REASONS) {
        PyErr_SetString(PyExc_ValueError, "too few reasons");
        return NULL;
    }
    packing.where = printable(where);
    if (histogram != Py_None && (packing.histogram = printable(histogram)) == NULL)
        packing.where = NULL; /* refused histograms are decoded */
    if (known != Py_None && (packing.known = PyCapsule_GetPointer(known, KNOWN_NAMES)) == NULL)
        return NULL;
    if (!start(&packing.walk, text, length))
        Py_RETURN_NONE;
    take(&packing.out, &spare_rows);
    take(&packing.cells, &spare_cells);
    if (packing.known != NULL && ++packing.known->objects == 0) { /* once in 2^32 */
        for (int i = 0; i < NAME_SLOTS; i++)
            packing.known->slots[i].object = 0;
        packing.known->objects = 1;
    }
    Text p = packing.walk.text;
    packing.chunks = PyList_New(0);
    packing.names = PyList_New(0);
    packing.labels = PyList_New(0);
    if (packing.chunks != NULL && packing.names != NULL && packing.labels != NULL && *p == '{') {
        do
            p = pack_entry(&packing, p + 1, is_keyed);
        while (p != NULL && *p == ',');
        if (p != NULL && *p == '}' && p + 1 == (Text)text + length && !packing.out.failed &&
            !end_chunk(packing.chunks, &packing.out)) {
            PyObject *doubts = doubts_of(&packing.walk);
            PyObject *cells = doubts == NULL ? NULL : cells_of(&packing);
            if (cells != NULL)
                result = Py_BuildValue("(OOnnNNO)", packing.chunks, packing.names, packing.kept, packing.numbers,
                                       doubts, cells, packing.labels);
            else
                Py_XDECREF(doubts);
        }
    }
    Py_XDECREF(packing.chunks);
    Py_XDECREF(packing.names);
    Py_XDECREF(packing.labels);
    give_back(&packing.cells, &spare_cells);
    give_back(&packing.out, &spare_rows);
    finish(&packing.walk);
    return result != NULL ? result : none_unless_raised();
}

/* ---- columns: the rows of a stored record as sparse lists, for the tables */

typedef struct {
    Walk walk;
    PyObject *layouts;
    PyObject *known; /* a bytearray of int32: by the number of a layout its key, or -1 */
    PyObject *find;  /* called with a number that has no key yet: it returns one */
    HistogramRows rows;
} Columns;

/* Note the key of a layout; 0 with an exception where there is no memory. */
static int set_key(Columns *columns, int64_t number, int32_t key)
{
    Py_ssize_t size = PyByteArray_GET_SIZE(columns->known), end = (Py_ssize_t)(number + 1) * (Py_ssize_t)sizeof key;
    if (end > size) {
        if (PyByteArray_Resize(columns->known, end) < 0)
            return 0;
        memset(PyByteArray_AS_STRING(columns->known) + size, 0xFF, (size_t)(end - size));
    }
    memcpy(PyByteArray_AS_STRING(columns->known) + end - (Py_ssize_t)sizeof key, &key, sizeof key);
    return 1;
}

/* The key of a layout; -1 with an exception where `find` fails. */
static int32_t key_of(Columns *columns, int64_t number)
{
    Py_ssize_t size = PyByteArray_GET_SIZE(columns->known) / (Py_ssize_t)sizeof(int32_t);
    const int32_t *keys = (const int32_t *)PyByteArray_AS_STRING(columns->known);
    if (number >= 0 && number < size && keys[number] >= 0)
        return keys[number];
    PyObject *argument = PyLong_FromLongLong(number);
    PyObject *found = argument == NULL ? NULL : PyObject_CallOneArg(columns->find, argument);
    Py_XDECREF(argument);
    long key = found == NULL ? -1 : PyLong_AsLong(found);
    Py_XDECREF(found);
    if (PyErr_Occurred())
        return -1;
    if (number < 0 || number > MOST_LAYOUTS || key < 0 || key > INT32_MAX) {
        PyErr_SetString(PyExc_KeyError, "a layout has no key");
        return -1;
    }
    return set_key(columns, number, (int32_t)key) ? (int32_t)key : -1;
}

/* Behind the zeros at `p`, of which most rows have long runs; adds how many there are to `*size`. */
static Text past_zeros(const Walk *walk, Text p, int64_t *size)
{
    static const char zeros[] = "0,0,0,0,0,0,0,0,";
    Text first = p;
#ifdef __SSE2__
    const __m128i wanted = _mm_loadu_si128((const __m128i *)zeros);
    while (walk->end - p >= 16) {
        unsigned int same =
            _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)p), wanted));
        unsigned int pairs = same == 0xFFFF ? 16 : (unsigned int)__builtin_ctz(~same) & ~1u;
        p += pairs;
        if (pairs < 16) {
            *size += (p - first) / 2;
            return p;
        }
    }
#endif
    while (walk->end - p > 8 && memcmp(p, zeros, 8) == 0)
        p += 8;
    while (p[0] == '0' && p[1] == ',')
        p += 2;
    *size += (p - first) / 2;
    return p;
}

/*
 * Read the array of numbers at `p`: those that are not 0 go into `row_numbers`, their places into
 * `row_places`.  NULL if it is something else or too long.
 */
static Text past_row_numbers(const Walk *walk, Text p, int64_t *size, int64_t *filled)
{
    *size = *filled = 0;
    if (*p != '[')
        return NULL;
    do {
        int64_t number;
        p = past_zeros(walk, p + 1, size);
        if (*size >= MAX_BUCKETS + SUMMARY_NUMBERS)
            return NULL;
        if (is_digit(p[0]) && (p[1] == ',' || p[1] == ']')) {
            number = *p - '0';
            p++;
        } else if ((p = past_row_number(walk, p, &number)) == NULL) {
            return NULL;
        }
        if (number) {
            row_numbers[*filled] = number;
            row_places[*filled] = *size;
            *filled += 1;
        }
        *size += 1;
    } while (*p == ',');
    return *p == ']' ? p + 1 : NULL;
}

/*
 * A layout of a name's buckets: its number, and the starts.  `layouts[name]` holds a count of buckets, a
 * number and as many starts, once for each layout that the name's definition may have; the one with as many
 * buckets as the row counts.
 */
static const int64_t *layout_of_width(PyObject *found, int64_t width)
{
    const int64_t *at = (const int64_t *)PyBytes_AS_STRING(found);
    const int64_t *end = at + PyBytes_GET_SIZE(found) / (Py_ssize_t)sizeof *at;
    while (end - at >= 2 && *at >= 0 && *at <= end - at - 2) {
        if (*at == width)
            return at + 1;
        at += 2 + *at;
    }
    return NULL;
}

/* Add the row at `p` where it is one and its layout is known; returns the place behind the value. */
static Text add_columns_of_row(Columns *columns, Text p, PyObject *found, PyObject *label)
{
    int64_t size, filled;
    Text end = past_row_numbers(&columns->walk, p, &size, &filled);
    if (end == NULL)
        return past_any(&columns->walk, p);
    int64_t width = size - SUMMARY_NUMBERS, length = 0, sum = 0;
    const int64_t *layout = width > 0 && PyBytes_Check(found) ? layout_of_width(found, width) : NULL;
    if (layout == NULL)
        return end;
    for (; length < filled && row_places[length] < width; length++)
        if (row_numbers[length] < 0) /* NO_NUMBER is negative, too */
            return end;
    if (length < filled && row_places[length] == width)
        sum = row_numbers[length];
    int32_t key = key_of(columns, layout[0]);
    if (key < 0)
        return NULL;
    for (int64_t i = 0; i < length; i++)
        row_places[i] = layout[1 + row_places[i]];
    int is_appended = append_numbers(&columns->rows, STARTS, row_places, length) &&
                      append_numbers(&columns->rows, COUNTS, row_numbers, length) &&
                      append_row(&columns->rows, length, key, sum == -1 ? NO_NUMBER : sum, label);
    return is_appended ? end : NULL;
}

/* A key that did not occur in `object` before; NULL where it did, or has escapes: then a parse decides. */
static PyObject *new_key_at(Walk *walk, uint32_t object, Text *p)
{
    Text from = *p;
    PyObject *key = key_at(walk, p);
    if (key != NULL && !is_new_key(walk, object, from, *p))
        Py_CLEAR(key);
    return key;
}

static Text add_columns_of_keys(Columns *columns, Text p, PyObject *found)
{
    if (*p != '{' || p[1] == '}')
        return past_any(&columns->walk, p);
    uint32_t object = ++columns->walk.objects;
    do {
        p++;
        PyObject *label = new_key_at(&columns->walk, object, &p);
        if (label == NULL)
            return NULL;
        p = add_columns_of_row(columns, p, found, label);
        Py_DECREF(label);
    } while (p != NULL && *p == ',');
    return p != NULL && *p == '}' ? p + 1 : NULL;
}

static PyObject *columns(PyObject *self, PyObject *args)
{
    const char *text;
    Py_ssize_t length;
    int is_keyed, ping;
    Columns columns = {0};
    PyObject *process, *into;
    if (!PyArg_ParseTuple(args, "y#pO!O!OiO!O!", &text, &length, &is_keyed, &PyDict_Type, &columns.layouts,
                          &PyByteArray_Type, &columns.known, &columns.find, &ping, &PyUnicode_Type, &process,
                          &PyTuple_Type, &into))
        return NULL;
    if (!start(&columns.walk, text, length))
        Py_RETURN_FALSE;
    PyObject *result = NULL;
    if (begin_rows(&columns.rows, into)) {
        Text p = columns.walk.text;
        int is_object = *p == '{';
        if (is_object && p[1] == '}')
            p++;
        else if (is_object)
            do {
                p++;
                PyObject *name = new_key_at(&columns.walk, 0, &p);
                PyObject *found = name == NULL ? NULL : found_for(columns.layouts, name);
                if (found == NULL)
                    p = NULL;
                else if (is_keyed)
                    p = add_columns_of_keys(&columns, p, found);
                else
                    p = add_columns_of_row(&columns, p, found, NULL);
                Py_XDECREF(name);
            } while (p != NULL && *p == ',');
        int is_whole = is_object && p != NULL && *p == '}' && p + 1 == (Text)text + length && !PyErr_Occurred();
        is_whole = is_whole && append_common(&columns.rows, ping, process, is_keyed);
        result = end_rows(&columns.rows, is_whole) ? PyBool_FromLong(is_whole) : NULL;
    }
    finish(&columns.walk);
    return result;
}

/* ---- spread: the same columns of rows that `pack` made, from the cells that it noted */

/* The key of rows by the name itself, which `pack` makes one object of for many pings. */
typedef struct {
    PyObject *name; /* NULL: free */
    int32_t width, key;
} KnownRow;

static const char KNOWN_ROWS[] = "telemetry_server known rows";

static void free_known_rows(PyObject *capsule)
{
    KnownRow *rows = PyCapsule_GetPointer(capsule, KNOWN_ROWS);
    for (int i = 0; i < 1 << ROW_SLOTS_BITS; i++)
        Py_XDECREF(rows[i].name);
    PyMem_Free(rows);
}

static PyObject *known_rows(PyObject *self, PyObject *args)
{
    KnownRow *rows = PyMem_Calloc(1 << ROW_SLOTS_BITS, sizeof *rows);
    if (rows == NULL)
        return PyErr_NoMemory();
    PyObject *capsule = PyCapsule_New(rows, KNOWN_ROWS, free_known_rows);
    if (capsule == NULL)
        PyMem_Free(rows);
    return capsule;
}

/* The slot of rows with a name and a width, which may be free; NULL where there is none. */
static KnownRow *slot_of_row(KnownRow *rows, PyObject *name, int32_t width)
{
    uint64_t hash = (uint64_t)(uintptr_t)name * MIXER >> (64 - ROW_SLOTS_BITS);
    for (uint64_t i = 0; i < ROW_PROBES; i++) {
        KnownRow *slot = rows + ((hash + i) & ((1 << ROW_SLOTS_BITS) - 1));
        if (slot->name == NULL || (slot->name == name && slot->width == width))
            return slot;
    }
    return NULL;
}

/* The key of rows of a name; -1 where its definition has no such width, or with an exception. */
static int32_t key_of_row(Columns *columns, KnownRow *rows, PyObject *name, int32_t width)
{
    KnownRow *slot = slot_of_row(rows, name, width);
    if (slot != NULL && slot->name != NULL)
        return slot->key;
    PyObject *found = found_for(columns->layouts, name);
    const int64_t *layout = found != NULL && PyBytes_Check(found) ? layout_of_width(found, width) : NULL;
    int32_t key = layout == NULL ? -1 : key_of(columns, layout[0]);
    if (key >= 0 && slot != NULL)
        *slot = (KnownRow){Py_NewRef(name), width, key};
    return key;
}

/* Add a row with these cells; 0 with an exception. */
static int add_columns_of_cells(Columns *columns, int32_t key, const int32_t *cells, PyObject *label)
{
    const int32_t *starts = cells + CELL_HEAD, length = cells[1];
    Py_ssize_t size = length * (Py_ssize_t)sizeof *starts;
    int64_t sum;
    memcpy(&sum, cells + 2, sizeof sum);
    return append(&columns->rows.of[STARTS], starts, size) &&
           append(&columns->rows.of[COUNTS], starts + length, size) &&
           append_row(&columns->rows, length, key, sum, label);
}

/* Add the rows of one name; returns the place behind its cells; NULL, maybe with an exception, where they are not right. */
static const int32_t *add_columns_of_name(Columns *columns, KnownRow *known, PyObject *name, PyObject *labels,
                                          Py_ssize_t *label, const int32_t *at, const int32_t *end)
{
    if (at == end)
        return NULL;
    for (int32_t rows = *at++; rows > 0; rows--) {
        if (end - at < CELL_HEAD || at[1] < 0 || end - at - CELL_HEAD < 2 * (int64_t)at[1])
            return NULL;
        PyObject *of_row = labels == NULL || *label >= PyList_GET_SIZE(labels) ? NULL : PyList_GET_ITEM(labels, *label);
        if (labels != NULL && of_row == NULL)
            return NULL;
        *label += 1;
        int32_t key = key_of_row(columns, known, name, at[0]);
        if (key < 0 ? PyErr_Occurred() != NULL : !add_columns_of_cells(columns, key, at, of_row))
            return NULL;
        at += CELL_HEAD + 2 * (int64_t)at[1];
    }
    return at;
}

static PyObject *spread(PyObject *self, PyObject *args)
{
    const char *cells;
    Py_ssize_t length, label = 0;
    int ping;
    PyObject *names, *labels, *rows, *process, *into;
    Columns columns = {0};
    if (!PyArg_ParseTuple(args, "y#O!OO!OO!OiO!O!", &cells, &length, &PyList_Type, &names, &labels, &PyDict_Type,
                          &columns.layouts, &rows, &PyByteArray_Type, &columns.known, &columns.find, &ping,
                          &PyUnicode_Type, &process, &PyTuple_Type, &into))
        return NULL;
    KnownRow *known = PyCapsule_GetPointer(rows, KNOWN_ROWS);
    if (known == NULL || !begin_rows(&columns.rows, into))
        return NULL;
    const int32_t *at = (const int32_t *)cells, *end = at + length / (Py_ssize_t)sizeof *at;
    labels = PyList_Check(labels) ? labels : NULL;
    for (Py_ssize_t i = 0; at != NULL && i < PyList_GET_SIZE(names); i++)
        at = add_columns_of_name(&columns, known, PyList_GET_ITEM(names, i), labels, &label, at, end);
    int is_whole = at == end && !PyErr_Occurred() && append_common(&columns.rows, ping, process, labels != NULL);
    return end_rows(&columns.rows, is_whole) ? PyBool_FromLong(is_whole) : NULL;
}

static PyMethodDef methods[] = {
    {"split", split, METH_VARARGS, "split(text, plan, opened, packable) -> (parts, doubts) | None"},
    {"known_names", known_names, METH_NOARGS, "known_names() -> capsule: those that pack() met with the same layouts"},
    {"pack", pack, METH_VARARGS, "pack(text, layouts, known, is_keyed, notes_cells, reasons, where, histogram) -> (chunks, names, kept, numbers, doubts, cells, labels) | None"},
    {"columns", columns, METH_VARARGS,
     "columns(text, is_keyed, layouts, known, find, ping, process, into) -> whether rows were appended"},
    {"known_rows", known_rows, METH_NOARGS, "known_rows() -> capsule: keys that spread() met with the same layouts"},
    {"spread", spread, METH_VARARGS,
     "spread(cells, names, labels, layouts, rows, known, find, ping, process, into): as columns()"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_text", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__text(void)
{
    for (size_t i = 0; i < sizeof empty_buckets; i++)
        empty_buckets[i] = i % 2 ? ',' : '0';
    memset(is_plain + 0x20, 1, 0x80 - 0x20);
    is_plain['"'] = is_plain['\\'] = 0;
    return PyModule_Create(&module);
}
