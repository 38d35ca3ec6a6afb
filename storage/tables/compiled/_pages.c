/*
 * Encodes values as the bodies of Parquet pages: levels, numbers of words, lists.  It is optional: `page_bodies.py` is
 * its only caller, and files are written by PyArrow without it.
 *
 * Formats: Encodings.md of Apache Parquet (RLE and bit-packed hybrid, BYTE_STREAM_SPLIT) and its data pages of version 1.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* A run of equal values is written as such if it has so many. */
#define LEAST_RUN 16
/* A dictionary of more numbers is not made: they hardly repeat. */
#define MAX_NUMBERS 65536
/* Nor is one whose numbers are so many slots from where they belong: a client can choose numbers that collide. */
#define MAX_PROBES 256

/* Bytes that grow; `failed` is set where memory is short, and what follows is not added. */
typedef struct {
    uint8_t *data;
    size_t size, room;
    int failed;
} Body;

static uint8_t *more(Body *body, size_t count)
{
    if (body->room - body->size < count) {
        size_t room = body->room * 2 > body->size + count ? body->room * 2 : body->size + count;
        uint8_t *data = body->failed ? NULL : PyMem_Malloc(room);
        if (data == NULL) {
            body->failed = 1;
            return NULL;
        }
        if (body->size)
            memcpy(data, body->data, body->size);
        PyMem_Free(body->data);
        body->data = data;
        body->room = room;
    }
    uint8_t *at = body->data + body->size;
    body->size += count;
    return at;
}

static void put_byte(Body *body, uint8_t value)
{
    uint8_t *at = more(body, 1);
    if (at != NULL)
        *at = value;
}

static void put_varint(Body *body, uint64_t value)
{
    for (; value > 127; value >>= 7)
        put_byte(body, (uint8_t)(value | 128));
    put_byte(body, (uint8_t)value);
}

static void store_little(uint8_t *at, uint32_t value)
{
    for (int byte = 0; byte < 4; byte++)
        at[byte] = (uint8_t)(value >> 8 * byte);
}

/* Levels are preceded by their length in 4 bytes: `begin_levels` leaves room for it. */
static size_t begin_levels(Body *body)
{
    more(body, 4);
    return body->size;
}

static void end_levels(Body *body, size_t begin)
{
    if (!body->failed)
        store_little(body->data + begin - 4, (uint32_t)(body->size - begin));
}

static int width_of(uint32_t largest)
{
    int width = 1;
    while (width < 32 && largest >> width)
        width++;
    return width;
}

/* Bit-packed values, 8 at a time; the last 8 are filled up with zeros. */
static void put_packed(Body *body, const uint32_t *values, size_t count, int width)
{
    size_t groups = (count + 7) / 8;
    if (groups == 0)
        return;
    put_varint(body, groups << 1 | 1);
    size_t size = groups * (size_t)width;
    uint8_t *at = more(body, size);
    if (at == NULL)
        return;
    uint8_t *end = at + size;
    uint64_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < count; i++) {
        bits |= (uint64_t)values[i] << held;
        held += width;
        while (held >= 8) {
            *at++ = (uint8_t)bits;
            bits >>= 8;
            held -= 8;
        }
    }
    while (at < end) {
        *at++ = (uint8_t)bits;
        bits >>= 8;
    }
}

static void put_run(Body *body, uint32_t value, size_t count, int width)
{
    put_varint(body, (uint64_t)count << 1);
    for (int byte = 0; byte < (width + 7) / 8; byte++)
        put_byte(body, (uint8_t)(value >> 8 * byte));
}

/* Runs of equal values, and between them bit-packed ones. */
static void put_hybrid(Body *body, const uint32_t *values, size_t count, int width)
{
    size_t packed = 0; /* values from here to `at` are not written yet */
    for (size_t at = 0; at < count;) {
        size_t end = at + 1;
        while (end < count && values[end] == values[at])
            end++;
        size_t filled = at + (8 - (at - packed) % 8) % 8; /* bit-packed values come in groups of 8 */
        if (filled < end && end - filled >= LEAST_RUN) {
            put_packed(body, values + packed, filled - packed, width);
            put_run(body, values[at], end - filled, width);
            packed = end;
        }
        at = end;
    }
    put_packed(body, values + packed, count - packed, width);
}

/* Definition levels of a column without lists: 1 for a value, 0 for null.  `is_there` is all ones if `valid` is `count`. */
static void put_presence(Body *body, const uint32_t *is_there, size_t count, size_t valid)
{
    size_t begin = begin_levels(body);
    if (count && (valid == count || valid == 0))
        put_run(body, valid != 0, count, 1);
    else
        put_hybrid(body, is_there, count, 1);
    end_levels(body, begin);
}

static PyObject *finished(Body *body)
{
    PyObject *bytes = NULL;
    if (body->failed)
        PyErr_NoMemory();
    else
        bytes = PyBytes_FromStringAndSize((const char *)body->data, (Py_ssize_t)body->size);
    PyMem_Free(body->data);
    return bytes;
}

static PyObject *not_there(const char *what)
{
    PyErr_Format(PyExc_ValueError, "%s is not there", what);
    return NULL;
}

/* Numbers of 32 bits; without a buffer, each is its own position. */
typedef struct {
    const int32_t *numbers;
    Py_ssize_t count;
} Numbers;

static Numbers numbers_of(const Py_buffer *buffer)
{
    return (Numbers){buffer->buf, buffer->len / (Py_ssize_t)sizeof(int32_t)};
}

/* The number at `at`, or -2 where there is none. */
static int64_t number_at(Numbers some, int64_t at)
{
    if (some.numbers == NULL)
        return at;
    return at >= 0 && at < some.count ? some.numbers[at] : -2;
}

/* The body of a page of words by number, the numbers that it uses in the order of their new ones, and its nulls. */
static PyObject *words(Numbers numbers, Numbers rows, Numbers words, Py_ssize_t known)
{
    size_t count = (size_t)(rows.numbers == NULL ? numbers.count : rows.count);
    if (known < 0 || known > INT32_MAX)
        return not_there("a word");
    Body body = {0};
    PyObject *result = NULL, *page = NULL, *used = NULL;
    int32_t *place = PyMem_Malloc(((size_t)known + 1) * sizeof *place);
    uint32_t *packed = PyMem_Malloc((count + 1) * sizeof *packed);
    uint32_t *is_there = PyMem_Malloc((count + 1) * sizeof *is_there);
    int32_t *order = PyMem_Malloc((count + 1) * sizeof *order);
    if (place == NULL || packed == NULL || is_there == NULL || order == NULL) {
        PyErr_NoMemory();
        goto end;
    }
    memset(place, -1, (size_t)known * sizeof *place);
    size_t values = 0, distinct = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t number = number_at(numbers, number_at(rows, (int64_t)i));
        int64_t word = number == -1 ? -1 : number_at(words, number);
        is_there[i] = word != -1;
        if (word == -1)
            continue;
        if (word < 0 || word >= known) {
            not_there("a word");
            goto end;
        }
        if (place[word] < 0) {
            order[distinct] = (int32_t)word;
            place[word] = (int32_t)distinct++;
        }
        packed[values++] = (uint32_t)place[word];
    }
    put_presence(&body, is_there, count, values);
    int width = width_of(distinct ? (uint32_t)distinct - 1 : 0);
    put_byte(&body, (uint8_t)width);
    put_hybrid(&body, packed, values, width);
    page = finished(&body);
    body.data = NULL;
    used = PyBytes_FromStringAndSize((const char *)order, (Py_ssize_t)(distinct * sizeof *order));
    if (page != NULL && used != NULL)
        result = Py_BuildValue("(OOn)", page, used, (Py_ssize_t)(count - values));
end:
    Py_XDECREF(page);
    Py_XDECREF(used);
    PyMem_Free(body.data);
    PyMem_Free(place);
    PyMem_Free(packed);
    PyMem_Free(is_there);
    PyMem_Free(order);
    return result;
}

static PyObject *word_page(PyObject *self, PyObject *arguments)
{
    (void)self;
    Py_buffer numbers, rows, map;
    Py_ssize_t known;
    if (!PyArg_ParseTuple(arguments, "y*z*z*n", &numbers, &rows, &map, &known))
        return NULL;
    PyObject *result = words(numbers_of(&numbers), numbers_of(&rows), numbers_of(&map), known);
    PyBuffer_Release(&numbers);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&map);
    return result;
}

/* The bytes of numbers by significance: all lowest bytes, then all of the next. */
static void put_split(Body *body, const int64_t *numbers, size_t count)
{
    uint8_t *at = count ? more(body, count * 8) : NULL;
    if (at == NULL)
        return;
    uint64_t used = 0;
    for (size_t i = 0; i < count; i++)
        used |= (uint64_t)numbers[i];
    for (int byte = 0; byte < 8; byte++, at += count) {
        if ((used >> 8 * byte & 255) == 0)
            memset(at, 0, count);
        else
            for (size_t i = 0; i < count; i++)
                at[i] = (uint8_t)((uint64_t)numbers[i] >> 8 * byte);
    }
}

/* The body of a page of 64-bit numbers by significance; INT64_MIN stands for null. */
static PyObject *split(const Py_buffer *values, Numbers rows, Numbers places)
{
    const int64_t *value = values->buf;
    int64_t known = values->len / (Py_ssize_t)sizeof *value;
    size_t count = (size_t)(rows.numbers == NULL ? (places.numbers == NULL ? known : places.count) : rows.count);
    Body body = {0};
    PyObject *result = NULL;
    int64_t *kept = PyMem_Malloc((count + 1) * sizeof *kept);
    uint32_t *is_there = PyMem_Malloc((count + 1) * sizeof *is_there);
    if (kept == NULL || is_there == NULL) {
        PyErr_NoMemory();
        goto end;
    }
    size_t valid = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t place = number_at(places, number_at(rows, (int64_t)i));
        if (place < 0 || place >= known) {
            not_there("a number");
            goto end;
        }
        is_there[i] = value[place] != INT64_MIN;
        if (is_there[i])
            kept[valid++] = value[place];
    }
    put_presence(&body, is_there, count, valid);
    put_split(&body, kept, valid);
    result = finished(&body);
    body.data = NULL;
end:
    PyMem_Free(body.data);
    PyMem_Free(kept);
    PyMem_Free(is_there);
    return result;
}

static PyObject *split_page(PyObject *self, PyObject *arguments)
{
    (void)self;
    Py_buffer values, rows, places;
    if (!PyArg_ParseTuple(arguments, "y*z*z*", &values, &rows, &places))
        return NULL;
    PyObject *result = split(&values, numbers_of(&rows), numbers_of(&places));
    PyBuffer_Release(&values);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&places);
    return result;
}

/* Lists of which none is null: where each begins among the values, and the end of the last. */
typedef struct {
    const int32_t *offsets;
    size_t count, values, empty;
} Lists;

/* Fills `lists`; 0 with an error set where a list is not there. */
static int lists_of(Lists *lists, const Py_buffer *offsets, Py_ssize_t first, Py_ssize_t count, Py_ssize_t known)
{
    Py_ssize_t most = offsets->len / (Py_ssize_t)sizeof(int32_t) - 1;
    int is_right = first >= 0 && count >= 0 && first <= most && count <= most - first;
    const int32_t *offset = is_right ? (const int32_t *)offsets->buf + first : NULL;
    is_right = is_right && offset[0] >= 0;
    *lists = (Lists){offset, (size_t)count, 0, 0};
    for (Py_ssize_t i = 0; is_right && i < count; i++) {
        is_right = offset[i] <= offset[i + 1];
        lists->empty += offset[i] == offset[i + 1];
    }
    if (!is_right || offset[count] > known) {
        PyErr_SetString(PyExc_ValueError, "a list is not there");
        return 0;
    }
    lists->values = (size_t)(offset[count] - offset[0]);
    return 1;
}

/* Repetition levels: 0 where a list begins, 1 where it goes on.  An empty list has a level, too. */
static void put_repetition(Body *body, const Lists *lists)
{
    size_t levels = lists->values + lists->empty, groups = (levels + 7) / 8;
    size_t begin = begin_levels(body);
    if (groups) {
        put_varint(body, groups << 1 | 1);
        uint8_t *bits = more(body, groups);
        if (bits == NULL)
            return;
        memset(bits, 255, groups);
        size_t at = 0;
        for (size_t i = 0; i < lists->count; i++) {
            bits[at >> 3] &= (uint8_t)~(1 << (at & 7));
            size_t length = (size_t)(lists->offsets[i + 1] - lists->offsets[i]);
            at += length ? length : 1;
        }
    }
    end_levels(body, begin);
}

/* Definition levels: 3 for a value, 1 for an empty list. */
static void put_definition(Body *body, const Lists *lists)
{
    size_t levels = lists->values + lists->empty;
    size_t begin = begin_levels(body);
    if (levels && lists->empty == 0) {
        put_run(body, 3, levels, 2);
    } else if (levels) {
        uint32_t *level = PyMem_Malloc(levels * sizeof *level);
        if (level == NULL) {
            body->failed = 1;
            return;
        }
        size_t at = 0;
        for (size_t i = 0; i < lists->count; i++) {
            size_t length = (size_t)(lists->offsets[i + 1] - lists->offsets[i]);
            if (length == 0)
                level[at++] = 1;
            for (; length; length--)
                level[at++] = 3;
        }
        put_hybrid(body, level, levels, 2);
        PyMem_Free(level);
    }
    end_levels(body, begin);
}

/* Distinct numbers with a place for each, in a table with open addresses. */
typedef struct {
    int64_t *numbers;
    uint32_t *slots; /* place + 1; 0 is free */
    uint32_t count, mask;
    int collides; /* a number is more than `MAX_PROBES` slots away: slots are not right any more */
} Distinct;

static uint32_t slot_of(Distinct *known, int64_t number)
{
    uint64_t mixed = (uint64_t)number * 0x9E3779B97F4A7C15u;
    uint32_t slot = (uint32_t)(mixed >> 40) & known->mask;
    for (int probe = 0; known->slots[slot] && known->numbers[known->slots[slot] - 1] != number; probe++) {
        if (probe == MAX_PROBES) {
            known->collides = 1;
            break;
        }
        slot = (slot + 1) & known->mask;
    }
    return slot;
}

/* Makes room for `room` slots, a power of 2; 0 where memory is short. */
static int rehash(Distinct *known, uint32_t room)
{
    uint32_t *slots = PyMem_Calloc(room, sizeof *slots);
    int64_t *numbers = PyMem_Realloc(known->numbers, room / 2 * sizeof *numbers);
    if (numbers != NULL)
        known->numbers = numbers;
    if (slots == NULL || numbers == NULL) {
        PyMem_Free(slots);
        return 0;
    }
    PyMem_Free(known->slots);
    known->slots = slots;
    known->mask = room - 1;
    for (uint32_t place = 0; place < known->count; place++)
        known->slots[slot_of(known, known->numbers[place])] = place + 1;
    return 1;
}

/* Sets the place of each number: 1 if done, 0 if too many are distinct or collide, -1 where memory is short. */
static int number_all(Distinct *known, const int64_t *numbers, size_t count, uint32_t *places)
{
    if (!rehash(known, 1024))
        return -1;
    for (size_t i = 0; i < count; i++) {
        uint32_t slot = slot_of(known, numbers[i]);
        if (known->collides)
            return 0;
        if (known->slots[slot] == 0) {
            if (known->count == MAX_NUMBERS)
                return 0;
            if (known->count == (known->mask + 1) / 2) {
                if (!rehash(known, (known->mask + 1) * 2))
                    return -1;
                slot = slot_of(known, numbers[i]);
                if (known->collides)
                    return 0;
            }
            known->numbers[known->count] = numbers[i];
            known->slots[slot] = ++known->count;
        }
        places[i] = known->slots[slot] - 1;
    }
    return 1;
}

/* The places of lists as pages: numbers of lists from `first` on, and how many, for each page in `cuts`. */
static PyObject *list_bodies(const Py_buffer *offsets, const Py_buffer *numbers, PyObject *cuts, int is_split)
{
    Py_ssize_t known = numbers->len / (Py_ssize_t)sizeof(int64_t), pages = PyTuple_GET_SIZE(cuts) - 1;
    Lists all;
    Distinct distinct = {0};
    PyObject *result = NULL, *bodies = PyList_New(0);
    uint32_t *places = NULL;
    Py_ssize_t first = pages >= 0 ? PyLong_AsSsize_t(PyTuple_GET_ITEM(cuts, 0)) : -1;
    Py_ssize_t end = pages >= 0 ? PyLong_AsSsize_t(PyTuple_GET_ITEM(cuts, pages)) : -1;
    if (PyErr_Occurred() || bodies == NULL || !lists_of(&all, offsets, first, end - first, known))
        goto end;
    const int64_t *number = (const int64_t *)numbers->buf + all.offsets[0];
    if (!is_split) {
        places = PyMem_Malloc((all.values + 1) * sizeof *places);
        int done = places == NULL ? -1 : number_all(&distinct, number, all.values, places);
        if (done < 0)
            PyErr_NoMemory();
        if (done == 0)
            result = Py_NewRef(Py_None);
        if (done <= 0)
            goto end;
    }
    int width = width_of(distinct.count ? distinct.count - 1 : 0);
    for (Py_ssize_t page = 0; page < pages; page++) {
        Lists some;
        Py_ssize_t from = PyLong_AsSsize_t(PyTuple_GET_ITEM(cuts, page));
        Py_ssize_t to = PyLong_AsSsize_t(PyTuple_GET_ITEM(cuts, page + 1));
        if (PyErr_Occurred() || !lists_of(&some, offsets, from, to - from, known))
            goto end;
        if (from < first || to > end) {
            PyErr_SetString(PyExc_ValueError, "a page is not within the lists");
            goto end;
        }
        Body body = {0};
        put_repetition(&body, &some);
        put_definition(&body, &some);
        size_t begin = (size_t)(some.offsets[0] - all.offsets[0]);
        if (is_split) {
            put_split(&body, number + begin, some.values);
        } else {
            put_byte(&body, (uint8_t)width);
            put_hybrid(&body, places + begin, some.values, width);
        }
        PyObject *bytes = finished(&body);
        PyObject *pair = bytes == NULL ? NULL : Py_BuildValue("(Nn)", bytes, (Py_ssize_t)(some.values + some.empty));
        int failed = pair == NULL || PyList_Append(bodies, pair) < 0;
        Py_XDECREF(pair);
        if (failed)
            goto end;
    }
    const char *used = distinct.count ? (const char *)distinct.numbers : "";
    result = Py_BuildValue("(Oy#)", bodies, used, (Py_ssize_t)(distinct.count * sizeof *distinct.numbers));
end:
    Py_XDECREF(bodies);
    PyMem_Free(places);
    PyMem_Free(distinct.slots);
    PyMem_Free(distinct.numbers);
    return result;
}

static PyObject *list_pages(PyObject *self, PyObject *arguments)
{
    (void)self;
    Py_buffer offsets, numbers;
    PyObject *cuts;
    int is_split;
    if (!PyArg_ParseTuple(arguments, "y*y*O!p", &offsets, &numbers, &PyTuple_Type, &cuts, &is_split))
        return NULL;
    PyObject *result = list_bodies(&offsets, &numbers, cuts, is_split);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&numbers);
    return result;
}

/* One pass of a sort that counts: rows in the order of the ranks of their numbers, equal ones as they were. */
static int sort_pass(const int32_t *rows, int32_t *sorted, Py_ssize_t count, Numbers numbers, Numbers ranks)
{
    int32_t most = 0;
    for (Py_ssize_t i = 0; i < ranks.count; i++) {
        if (ranks.numbers[i] < 0)
            return 0;
        most = ranks.numbers[i] > most ? ranks.numbers[i] : most;
    }
    uint32_t *ends = PyMem_Calloc((size_t)most + 2, sizeof *ends);
    if (ends == NULL)
        return -1;
    int is_right = 1;
    for (Py_ssize_t i = 0; i < count && is_right; i++) {
        int64_t rank = number_at(ranks, number_at(numbers, rows[i]));
        is_right = rank >= 0;
        if (is_right)
            ends[rank + 1]++;
    }
    for (int64_t rank = 1; rank <= most; rank++)
        ends[rank] += ends[rank - 1];
    for (Py_ssize_t i = 0; i < count && is_right; i++)
        sorted[ends[number_at(ranks, number_at(numbers, rows[i]))]++] = rows[i];
    PyMem_Free(ends);
    return is_right;
}

static PyObject *sorted_rows(PyObject *self, PyObject *arguments)
{
    (void)self;
    Py_ssize_t count;
    PyObject *columns;
    if (!PyArg_ParseTuple(arguments, "nO!", &count, &PyTuple_Type, &columns))
        return NULL;
    if (count < 0 || count > INT32_MAX)
        return not_there("a row");
    PyObject *result = NULL;
    int32_t *rows = PyMem_Malloc(((size_t)count + 1) * sizeof *rows);
    int32_t *sorted = PyMem_Malloc(((size_t)count + 1) * sizeof *sorted);
    if (rows == NULL || sorted == NULL) {
        PyErr_NoMemory();
        goto end;
    }
    for (int32_t i = 0; i < count; i++)
        rows[i] = i;
    /* The last column first: each pass keeps the order of the one before. */
    for (Py_ssize_t column = PyTuple_GET_SIZE(columns); column-- > 0;) {
        Py_buffer numbers, ranks;
        PyObject *pair = PyTuple_GET_ITEM(columns, column);
        if (!PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "y*y*", &numbers, &ranks)) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "a column is a tuple of numbers and ranks");
            goto end;
        }
        int done = sort_pass(rows, sorted, count, numbers_of(&numbers), numbers_of(&ranks));
        PyBuffer_Release(&numbers);
        PyBuffer_Release(&ranks);
        if (done < 0)
            PyErr_NoMemory();
        if (done == 0)
            not_there("a rank");
        if (done <= 0)
            goto end;
        int32_t *before = rows;
        rows = sorted;
        sorted = before;
    }
    result = PyBytes_FromStringAndSize((const char *)rows, count * (Py_ssize_t)sizeof *rows);
end:
    PyMem_Free(rows);
    PyMem_Free(sorted);
    return result;
}

static PyMethodDef methods[] = {
    {"word_page", word_page, METH_VARARGS, "word_page(numbers, rows, words, known) -> (body, used, nulls)"},
    {"split_page", split_page, METH_VARARGS, "split_page(values, rows, places) -> body"},
    {"list_pages", list_pages, METH_VARARGS,
     "list_pages(offsets, numbers, cuts, is_split) -> ([(body, levels)], distinct) or None"},
    {"sorted_rows", sorted_rows, METH_VARARGS, "sorted_rows(count, ((numbers, ranks), ...)) -> rows"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_pages", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__pages(void)
{
    return PyModule_Create(&module);
}
