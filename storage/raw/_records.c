/*
 * The compiled framing of the raw store: writes the frames of a batch in one go, and checks records.  It is optional:
 * `record_frames.py` and `intact_records.py` are its only callers and have the same in Python, which is the reference.
 *
 * It needs the CRC-32C instruction of x86-64 processors; elsewhere the import fails and the plain form is used.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_frames.h"
#include "_stamp.h"
#include "_usual_header.h"

#define MIN_APART_BYTES 16384 /* a longer body is not copied */

/* The text that is written next: a bytes object of the most that it may need, cut when it is done. */
typedef struct {
    PyObject *parts, *text;
    unsigned char *place;
} Output;

static int end_text(Output *out)
{
    Py_ssize_t length = (char *)out->place - PyBytes_AS_STRING(out->text);
    int failed = _PyBytes_Resize(&out->text, length);
    if (!failed && length)
        failed = PyList_Append(out->parts, out->text);
    Py_CLEAR(out->text);
    return failed;
}

static int begin_text(Output *out, Py_ssize_t most)
{
    out->text = PyBytes_FromStringAndSize(NULL, most);
    if (out->text == NULL)
        return -1;
    out->place = (unsigned char *)PyBytes_AS_STRING(out->text);
    return 0;
}

/* The most bytes that the records from *first* on need, up to a body that is not copied; -1 after an error. */
static Py_ssize_t most_bytes(PyObject *records, Py_ssize_t first)
{
    Py_ssize_t most = 7 + HEAD_BYTES + TAIL_BYTES, count = PyList_GET_SIZE(records);
    for (Py_ssize_t number = first; number < count; number++) {
        Record record;
        if (read_record(&record, records, number))
            return -1;
        most += 7 + HEAD_BYTES + record.header_bytes + TAIL_BYTES;
        if (record.body_bytes >= MIN_APART_BYTES)
            break;
        most += record.body_bytes;
    }
    return most;
}

/* Adds the body as a view, and begins the text behind it. */
static int put_apart(Output *out, const Record *record, Py_ssize_t most)
{
    if (most < 0 || end_text(out))
        return -1;
    PyObject *whole = PyMemoryView_FromObject(record->text);
    PyObject *body = whole == NULL ? NULL : PySequence_GetSlice(whole, record->start, PY_SSIZE_T_MAX);
    Py_XDECREF(whole);
    int failed = body == NULL || PyList_Append(out->parts, body);
    Py_XDECREF(body);
    return failed ? -1 : begin_text(out, TAIL_BYTES + most);
}

static int put_record(Output *out, PyObject *records, Py_ssize_t number, const unsigned char *prefix, uint64_t sequence,
                      uint64_t *offset)
{
    Record record;
    if (read_record(&record, records, number))
        return -1;
    const unsigned char *header = (const unsigned char *)PyBytes_AS_STRING(record.header);
    const unsigned char *body = (const unsigned char *)PyBytes_AS_STRING(record.text) + record.start;
    size_t header_bytes = (size_t)record.header_bytes, body_bytes = (size_t)record.body_bytes;
    uint32_t sum = crc32c(crc32c(0, header, header_bytes), body, body_bytes);
    out->place = put_submission_head(out->place, prefix, *offset, header_bytes, body, body_bytes, sequence);
    memcpy(out->place, header, header_bytes);
    out->place += header_bytes;
    if (body_bytes >= MIN_APART_BYTES) {
        if (put_apart(out, &record, most_bytes(records, number + 1)))
            return -1;
    } else {
        memcpy(out->place, body, body_bytes);
        out->place += body_bytes;
    }
    out->place = put(out->place, sum, 4);
    *offset = end_of(*offset, header_bytes, body_bytes);
    return 0;
}

static PyObject *frame(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *records;
    unsigned long long offset, sequence;
    const char *prefix;
    Py_ssize_t prefix_bytes;
    if (!PyArg_ParseTuple(arguments, "O!Ky#K", &PyList_Type, &records, &offset, &prefix, &prefix_bytes, &sequence))
        return NULL;
    if (prefix_bytes != 8) {
        PyErr_SetString(PyExc_ValueError, "the prefix of a record has 8 bytes");
        return NULL;
    }
    const unsigned char *first = (const unsigned char *)prefix;
    uint64_t place = offset, last = sequence;
    Output out = {PyList_New(0), NULL, NULL};
    Py_ssize_t most = most_bytes(records, 0);
    if (out.parts == NULL || most < 0 || begin_text(&out, most))
        goto failed;
    for (Py_ssize_t number = 0; number < PyList_GET_SIZE(records); number++)
        if (put_record(&out, records, number, first, ++last, &place))
            goto failed;
    out.place = put_batch_commit(out.place, first, place, 0, last);
    if (end_text(&out))
        goto failed;
    return Py_BuildValue("NK", out.parts, (unsigned long long)last);
failed:
    Py_XDECREF(out.parts);
    Py_XDECREF(out.text);
    return NULL;
}

static PyObject *stamped(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyDateTime_Check(arguments[0]) || !PyBytes_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "stamped() takes a moment in UTC and the rest of a header");
        return NULL;
    }
    PyObject *moment = arguments[0];
    Py_ssize_t rest_bytes = PyBytes_GET_SIZE(arguments[1]);
    PyObject *header = PyBytes_FromStringAndSize(NULL, STAMP_BYTES + rest_bytes);
    if (header == NULL)
        return NULL;
    put_stamp(PyBytes_AS_STRING(header), moment);
    memcpy(PyBytes_AS_STRING(header) + STAMP_BYTES, PyBytes_AS_STRING(arguments[1]), (size_t)rest_bytes);
    return header;
}

/* ---- reading: the records from a place on that are in order and match their checksums */

static uint64_t little_endian(const unsigned char *place, int bytes)
{
    uint64_t value = 0;
    for (int byte = bytes; byte--;)
        value = value << 8 | place[byte];
    return value;
}

typedef struct {
    int type;
    size_t header_bytes, body_bytes, record_bytes;
    uint64_t sequence;
} Found;

/* Whether an intact record of this file begins at the place. */
static int find(Found *found, const unsigned char *place, size_t left, const unsigned char *prefix)
{
    if (left < HEAD_BYTES + TAIL_BYTES || memcmp(place, prefix, 8) || place[8] != FORMAT_VERSION ||
        little_endian(place + 28, 4) != crc32c(0, place, HEAD_BYTES - 4))
        return 0;
    found->type = place[9];
    found->header_bytes = little_endian(place + 12, 4);
    found->body_bytes = little_endian(place + 16, 4);
    found->sequence = little_endian(place + 20, 8);
    if (found->header_bytes > MAX_HEADER_BYTES || found->body_bytes > MAX_BODY_BYTES)
        return 0;
    size_t data_bytes = found->header_bytes + found->body_bytes;
    found->record_bytes = HEAD_BYTES + data_bytes + TAIL_BYTES;
    return found->record_bytes <= left &&
           little_endian(place + HEAD_BYTES + data_bytes, 4) == crc32c(0, place + HEAD_BYTES, data_bytes);
}

static PyObject *intact(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer buffer;
    Py_ssize_t stop, prefix_bytes;
    const char *prefix;
    long long last;
    if (!PyArg_ParseTuple(arguments, "y*ny#L", &buffer, &stop, &prefix, &prefix_bytes, &last))
        return NULL;
    const unsigned char *text = buffer.buf;
    size_t size = (size_t)buffer.len, place = 0, removed = 0;
    PyObject *headers = PyList_New(0);
    if (prefix_bytes != 8)
        PyErr_SetString(PyExc_ValueError, "the prefix of a record has 8 bytes");
    while (headers != NULL && !PyErr_Occurred()) {
        size_t start = (place + 7) & ~(size_t)7;
        Found found;
        if ((Py_ssize_t)start >= stop || start >= size ||
            !find(&found, text + start, size - start, (const unsigned char *)prefix))
            break;
        int is_submission = found.type == PING || found.type == REMOVED;
        if ((!is_submission && found.type != BATCH_COMMIT) || found.sequence > INT64_MAX ||
            (last >= 0 && found.sequence != (uint64_t)last + (uint64_t)is_submission))
            break;
        if (found.type == PING) {
            PyObject *header = PyBytes_FromStringAndSize((const char *)text + start + HEAD_BYTES,
                                                         (Py_ssize_t)found.header_bytes);
            int failed = header == NULL || PyList_Append(headers, header);
            Py_XDECREF(header);
            if (failed)
                break;
        }
        removed += found.type == REMOVED;
        last = (long long)found.sequence;
        place = start + found.record_bytes;
    }
    PyBuffer_Release(&buffer);
    if (headers == NULL || PyErr_Occurred()) {
        Py_XDECREF(headers);
        return NULL;
    }
    return Py_BuildValue("nLNn", (Py_ssize_t)place, last, headers, (Py_ssize_t)removed);
}

static PyObject *unusual(PyObject *Py_UNUSED(module), PyObject *headers)
{
    if (!PyList_Check(headers)) {
        PyErr_SetString(PyExc_TypeError, "unusual() takes a list of headers");
        return NULL;
    }
    PyObject *found = PyList_New(0);
    for (Py_ssize_t place = 0; found && place < PyList_GET_SIZE(headers); place++) {
        PyObject *header = PyList_GET_ITEM(headers, place);
        if (PyBytes_Check(header) && is_usual_header((const unsigned char *)PyBytes_AS_STRING(header),
                                                     (size_t)PyBytes_GET_SIZE(header)))
            continue;
        if (PyList_Append(found, header))
            Py_CLEAR(found);
    }
    return found;
}

static PyMethodDef methods[] = {
    {"frame", frame, METH_VARARGS, "Return the buffers to append for a batch of records, and the last sequence."},
    {"stamped", (PyCFunction)(void (*)(void))stamped, METH_FASTCALL,
     "Return a header that begins with the moment of its arrival."},
    {"intact", intact, METH_VARARGS, "Return how far the records at the start of a text are intact, and their headers."},
    {"unusual", unusual, METH_O, "Return the headers that are not as this server writes them."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_records", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__records(void)
{
    if (begin_checksums())
        return NULL;
    PyDateTime_IMPORT;
    if (PyDateTimeAPI == NULL)
        return NULL;
    return PyModule_Create(&module);
}
