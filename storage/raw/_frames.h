/* The frames of records, as `framing.py` describes them.  The compiled parts include it. */

#include "../checksums/_crc32c.h"

#define HEAD_BYTES 32
#define TAIL_BYTES 4
#define FORMAT_VERSION 1
#define PING 1
#define BATCH_COMMIT 2
#define REMOVED 4
#define BODY_IS_GZIP 1
#define PAGE_BYTES 4096
#define MAX_HEADER_BYTES (1 << 20)
#define MAX_BODY_BYTES 0x7fffffff

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

/* Returns how many zeros a mark at *offset* needs to end with a page. */
static inline size_t zeros_to_page(uint64_t offset) { return -end_of(offset, 0, 0) & (PAGE_BYTES - 1); }

/* Writes the mark at the end of a batch, with some zeros as its body. */
static inline unsigned char *put_batch_commit(unsigned char *place, const unsigned char *prefix, uint64_t offset,
                                              size_t zeros, uint64_t sequence)
{
    place = put_padding(place, offset);
    place = put_head(place, prefix, BATCH_COMMIT, 0, 0, (Py_ssize_t)zeros, sequence);
    memset(place, 0, zeros);
    return put(place + zeros, crc32c(0, place, zeros), TAIL_BYTES);
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
