/*
 * The frames of records and their checksums, as `framing.py` describes them.  The compiled parts include it.
 *
 * It needs the CRC-32C instruction of x86-64 processors; elsewhere the plain forms are used.
 */

#include <stdint.h>
#include <string.h>
#if !defined(__x86_64__) || !defined(__GNUC__)
#error "no CRC-32C instruction is known for this processor"
#endif
#include <nmmintrin.h>

#define HEAD_BYTES 32
#define TAIL_BYTES 4
#define FORMAT_VERSION 1
#define PING 1
#define BATCH_COMMIT 2
#define REMOVED 4
#define BODY_IS_GZIP 1
#define MAX_HEADER_BYTES (1 << 20)
#define MAX_BODY_BYTES 0x7fffffff
#define POLYNOMIAL 0x82f63b78u /* CRC-32C, reflected */
#define LONG_RUN 4096          /* bytes of each of three runs that are summed side by side */
#define SHORT_RUN 512

#define WITH_CRC __attribute__((target("sse4.2")))

static uint32_t long_shift, long_shift_twice, short_shift, short_shift_twice;

/* The product of two polynomials modulo that of the CRC, all reflected. */
static uint32_t product(uint32_t a, uint32_t b)
{
    uint32_t sum = 0;
    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
        if (a & bit)
            sum ^= b;
        b = b & 1 ? (b >> 1) ^ POLYNOMIAL : b >> 1;
    }
    return sum;
}

/* What multiplies a CRC when so many zero bytes follow. */
static uint32_t shift_of(uint32_t bytes)
{
    uint32_t power = 1u << 31, square = 1u << 23; /* 1, and x^8 */
    for (; bytes; bytes >>= 1) {
        if (bytes & 1)
            power = product(power, square);
        square = product(square, square);
    }
    return power;
}

WITH_CRC static inline uint64_t word_at(const unsigned char *data)
{
    uint64_t word;
    memcpy(&word, data, 8);
    return word;
}

/* The instruction takes three cycles but starts every cycle: three runs at once are three times as fast. */
WITH_CRC static uint64_t three_runs(uint64_t sum, const unsigned char *data, size_t run, uint32_t once, uint32_t twice)
{
    uint64_t second = 0, third = 0;
    for (size_t place = 0; place < run; place += 8) {
        sum = _mm_crc32_u64(sum, word_at(data + place));
        second = _mm_crc32_u64(second, word_at(data + run + place));
        third = _mm_crc32_u64(third, word_at(data + 2 * run + place));
    }
    return product((uint32_t)sum, twice) ^ product((uint32_t)second, once) ^ third;
}

WITH_CRC static uint32_t crc32c(uint32_t before, const unsigned char *data, size_t length)
{
    uint64_t sum = before ^ 0xffffffffu;
    for (; length >= 3 * LONG_RUN; data += 3 * LONG_RUN, length -= 3 * LONG_RUN)
        sum = three_runs(sum, data, LONG_RUN, long_shift, long_shift_twice);
    for (; length >= 3 * SHORT_RUN; data += 3 * SHORT_RUN, length -= 3 * SHORT_RUN)
        sum = three_runs(sum, data, SHORT_RUN, short_shift, short_shift_twice);
    for (; length >= 8; data += 8, length -= 8)
        sum = _mm_crc32_u64(sum, word_at(data));
    for (; length; data++, length--)
        sum = _mm_crc32_u8((uint32_t)sum, *data);
    return (uint32_t)sum ^ 0xffffffffu;
}

static inline unsigned char *put(unsigned char *place, uint64_t value, int bytes)
{
    for (int byte = 0; byte < bytes; byte++)
        *place++ = (unsigned char)(value >> (8 * byte));
    return place;
}

static inline unsigned char *put_head(unsigned char *place, const unsigned char *prefix, int type, int flags,
                               Py_ssize_t header_bytes, Py_ssize_t body_bytes, uint64_t sequence)
{
    unsigned char *head = place;
    memcpy(place, prefix, 8);
    place = put(place + 8, FORMAT_VERSION, 1);
    place = put(place, (uint64_t)type, 1);
    place = put(place, (uint64_t)flags, 2);
    place = put(place, (uint64_t)header_bytes, 4);
    place = put(place, (uint64_t)body_bytes, 4);
    place = put(place, sequence, 8);
    return put(place, crc32c(0, head, HEAD_BYTES - 4), 4);
}

static inline unsigned char *put_padding(unsigned char *place, uint64_t offset)
{
    size_t padding = -offset & 7;
    memset(place, 0, padding);
    return place + padding;
}

/* Writes all of a submission's record that comes before its header. */
static inline unsigned char *put_submission_head(unsigned char *place, const unsigned char *prefix, uint64_t offset,
                                                 size_t header_bytes, const unsigned char *body, size_t body_bytes,
                                                 uint64_t sequence)
{
    int flags = body_bytes >= 2 && body[0] == 0x1f && body[1] == 0x8b ? BODY_IS_GZIP : 0;
    place = put_padding(place, offset);
    return put_head(place, prefix, PING, flags, (Py_ssize_t)header_bytes, (Py_ssize_t)body_bytes, sequence);
}

static inline uint64_t end_of(uint64_t offset, size_t header_bytes, size_t body_bytes)
{
    return ((offset + 7) & ~(uint64_t)7) + HEAD_BYTES + header_bytes + body_bytes + TAIL_BYTES;
}

/* Writes the mark at the end of a batch. */
static inline unsigned char *put_batch_commit(unsigned char *place, const unsigned char *prefix, uint64_t offset,
                                              uint64_t sequence)
{
    place = put_padding(place, offset);
    place = put_head(place, prefix, BATCH_COMMIT, 0, 0, 0, sequence);
    return put(place, 0, TAIL_BYTES); /* the sum of nothing */
}

typedef struct {
    PyObject *header, *text; /* bytes; the body is the end of the text */
    Py_ssize_t header_bytes, start, body_bytes;
} Record;

static int read_record(Record *record, PyObject *records, Py_ssize_t number)
{
    PyObject *found = PyList_GET_ITEM(records, number);
    if (!PyTuple_Check(found) || PyTuple_GET_SIZE(found) != 4 || !PyBytes_Check(PyTuple_GET_ITEM(found, 1)) ||
        !PyBytes_Check(PyTuple_GET_ITEM(found, 2)) || !PyLong_Check(PyTuple_GET_ITEM(found, 3))) {
        PyErr_SetString(PyExc_TypeError, "a record is a day, a header, a text and where the body starts in it");
        return -1;
    }
    record->header = PyTuple_GET_ITEM(found, 1);
    record->text = PyTuple_GET_ITEM(found, 2);
    record->start = PyLong_AsSsize_t(PyTuple_GET_ITEM(found, 3));
    record->header_bytes = PyBytes_GET_SIZE(record->header);
    record->body_bytes = PyBytes_GET_SIZE(record->text) - record->start;
    if (PyErr_Occurred())
        return -1;
    if (record->start < 0 || record->body_bytes < 0 || record->header_bytes > MAX_HEADER_BYTES ||
        record->body_bytes > MAX_BODY_BYTES) {
        PyErr_SetString(PyExc_ValueError, "a submission is larger than a raw record may be");
        return -1;
    }
    return 0;
}

/* Prepares `crc32c`; returns -1, with an exception, where the processor cannot. */
static int begin_checksums(void)
{
    if (!__builtin_cpu_supports("sse4.2")) {
        PyErr_SetString(PyExc_ImportError, "this processor has no CRC-32C instruction");
        return -1;
    }
    long_shift = shift_of(LONG_RUN);
    long_shift_twice = shift_of(2 * LONG_RUN);
    short_shift = shift_of(SHORT_RUN);
    short_shift_twice = shift_of(2 * SHORT_RUN);
    return 0;
}
