/* Rows of scalars as columns.  The compiled parts that collect scalars include it. */

#include "_numbers.h"

#include <string.h>

enum { NUMBER, TEXT, BOOLEAN }; /* as in `storage.tables.rows` */

typedef struct {
    char *data;
    size_t length, room;
} Buffer;

typedef struct {
    PyObject *known_keys, *words; /* dicts that number what they are asked for */
    Buffer keys, kinds, values;   /* int32, bytes, double */
} Scalars;

static int add(Buffer *buffer, const void *data, size_t length)
{
    if (buffer->length + length > buffer->room) {
        size_t room = (buffer->length + length) * 2 + 256;
        char *grown = PyMem_Realloc(buffer->data, room);
        if (grown == NULL) {
            PyErr_NoMemory();
            return 0;
        }
        buffer->data = grown;
        buffer->room = room;
    }
    memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    return 1;
}

static int add_short(Buffer *buffer, int64_t number)
{
    int32_t shorter = (int32_t)number;
    return add(buffer, &shorter, sizeof shorter);
}

/* Add a scalar, where its value has a place in the table; 0 with an exception. */
static int add_scalar(Scalars *scalars, PyObject *value, PyObject *metric, PyObject *process, PyObject *label,
                      PyObject *kind)
{
    unsigned char type;
    double number;
    if (PyBool_Check(value)) {
        type = BOOLEAN;
        number = value == Py_True;
    } else if (PyLong_CheckExact(value)) {
        type = NUMBER;
        number = PyLong_AsDouble(value);
        if (number == -1 && PyErr_Occurred())
            return 0;
    } else if (PyFloat_CheckExact(value)) {
        type = NUMBER;
        number = PyFloat_AS_DOUBLE(value);
    } else if (PyUnicode_CheckExact(value)) {
        type = TEXT;
        int64_t word = number_of(scalars->words, value);
        if (word < 0)
            return 0;
        number = (double)word;
    } else {
        return 1; /* null, an object or a list has no place in the table */
    }
    PyObject *key = PyTuple_Pack(4, metric, process, label, kind);
    if (key == NULL)
        return 0;
    int64_t place = number_of(scalars->known_keys, key);
    Py_DECREF(key);
    return place >= 0 && add_short(&scalars->keys, place) && add(&scalars->kinds, &type, 1) &&
           add(&scalars->values, &number, sizeof number);
}

/* `number` as int32, `count` times. */
static PyObject *repeated(int64_t number, size_t count)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * sizeof(int32_t)));
    if (bytes == NULL)
        return NULL;
    int32_t *to = (int32_t *)PyBytes_AS_STRING(bytes);
    for (size_t i = 0; i < count; i++)
        to[i] = (int32_t)number;
    return bytes;
}

static PyObject *bytes_of(const Buffer *buffer)
{
    return PyBytes_FromStringAndSize(buffer->data, (Py_ssize_t)buffer->length);
}

/* A tuple of `count` columns; takes over their references, and is NULL where one is. */
static PyObject *tuple_of(PyObject **columns, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (columns[i] == NULL)
            Py_CLEAR(tuple);
        else if (tuple == NULL)
            Py_DECREF(columns[i]);
        else
            PyTuple_SET_ITEM(tuple, i, columns[i]);
    }
    return tuple;
}

/* The columns of scalars: pings, keys, kinds and values. */
static PyObject *columns_of(const Scalars *scalars, int64_t ping)
{
    PyObject *columns[] = {repeated(ping, scalars->kinds.length), bytes_of(&scalars->keys),
                           bytes_of(&scalars->kinds), bytes_of(&scalars->values)};
    return tuple_of(columns, sizeof columns / sizeof *columns);
}

static void free_scalars(Scalars *scalars)
{
    PyMem_Free(scalars->keys.data);
    PyMem_Free(scalars->kinds.data);
    PyMem_Free(scalars->values.data);
}
