/*
 * Puts the buckets of histograms into another order, and on request makes 64 bits of each number.  It is optional:
 * `bucket_lists.py` is its only caller, and does the same without it, slower.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* A negative number stands for one of `large`: -1 for the first, -2 for the second.  0 where there is none. */
static int widen(int64_t *to, const int32_t *from, Py_ssize_t count, const int64_t *large, int64_t large_count)
{
    int32_t signs = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        signs |= from[i];
        to[i] = from[i];
    }
    if (signs >= 0)
        return 1;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (to[i] >= 0)
            continue;
        if (-1 - to[i] >= large_count)
            return 0;
        to[i] = large[-1 - to[i]];
    }
    return 1;
}

/* The length of all lists that `rows` names; -1 where a row or its list is not there, or they are too long. */
static int64_t length_of(const Py_buffer *offsets, const Py_buffer *rows, int64_t numbers)
{
    const int32_t *offset = offsets->buf, *row = rows->buf;
    Py_ssize_t lists = offsets->len / (Py_ssize_t)sizeof *offset - 1;
    Py_ssize_t count = rows->len / (Py_ssize_t)sizeof *row;
    int64_t length = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (row[i] < 0 || row[i] >= lists)
            return -1;
        int32_t from = offset[row[i]], end = offset[row[i] + 1];
        if (from < 0 || end < from || end > numbers)
            return -1;
        length += end - from;
    }
    return length <= INT32_MAX ? length : -1;
}

/* The same for lists of starts and of counts; -1 with an error set. */
static int64_t checked_length(const Py_buffer *offsets, const Py_buffer *rows, const Py_buffer *starts,
                              const Py_buffer *counts)
{
    int64_t numbers = starts->len / (Py_ssize_t)sizeof(int32_t);
    int64_t length = counts->len == starts->len ? length_of(offsets, rows, numbers) : -1;
    if (length < 0)
        PyErr_SetString(PyExc_ValueError, "a list is not there");
    return length;
}

static PyObject *bytes_of(int64_t count, size_t size)
{
    return PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count * (Py_ssize_t)size);
}

static PyObject *ordered(const Py_buffer *offsets, const Py_buffer *rows, const Py_buffer *starts,
                         const Py_buffer *counts, const Py_buffer *large)
{
    int64_t length = checked_length(offsets, rows, starts, counts);
    if (length < 0)
        return NULL;
    const int32_t *offset = offsets->buf, *row = rows->buf;
    Py_ssize_t count = rows->len / (Py_ssize_t)sizeof *row;
    PyObject *ends = bytes_of(count + 1, sizeof(int32_t));
    PyObject *new_starts = bytes_of(length, sizeof(int64_t)), *new_counts = bytes_of(length, sizeof(int64_t));
    PyObject *result = NULL;
    if (ends != NULL && new_starts != NULL && new_counts != NULL) {
        int32_t *end = (int32_t *)PyBytes_AS_STRING(ends);
        int64_t *start = (int64_t *)PyBytes_AS_STRING(new_starts), *number = (int64_t *)PyBytes_AS_STRING(new_counts);
        int64_t large_count = large->len / (Py_ssize_t)sizeof(int64_t);
        int32_t at = 0;
        int is_right = 1;
        end[0] = 0;
        for (Py_ssize_t i = 0; i < count && is_right; i++) {
            int32_t from = offset[row[i]], more = offset[row[i] + 1] - from;
            is_right = widen(start + at, (const int32_t *)starts->buf + from, more, large->buf, large_count) &&
                       widen(number + at, (const int32_t *)counts->buf + from, more, large->buf, large_count);
            at += more;
            end[i + 1] = at;
        }
        if (is_right)
            result = PyTuple_Pack(3, ends, new_starts, new_counts);
        else
            PyErr_SetString(PyExc_ValueError, "a large number is not there");
    }
    Py_XDECREF(ends);
    Py_XDECREF(new_starts);
    Py_XDECREF(new_counts);
    return result;
}

static PyObject *ordered_lists(PyObject *self, PyObject *arguments)
{
    (void)self;
    Py_buffer offsets, rows, starts, counts, large;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*", &offsets, &rows, &starts, &counts, &large))
        return NULL;
    PyObject *result = ordered(&offsets, &rows, &starts, &counts, &large);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&starts);
    PyBuffer_Release(&counts);
    PyBuffer_Release(&large);
    return result;
}

/* Copies numbers; those that stand for large ones then stand for others, `large` places behind them. */
static void copy_moved(int32_t *to, const int32_t *from, Py_ssize_t count, int32_t large)
{
    if (large == 0) {
        memcpy(to, from, (size_t)count * sizeof *to);
        return;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        to[i] = from[i] < 0 ? from[i] - large : from[i];
}

static PyObject *moved(const Py_buffer *offsets, const Py_buffer *rows, const Py_buffer *starts,
                       const Py_buffer *counts, int32_t large)
{
    int64_t length = checked_length(offsets, rows, starts, counts);
    if (length < 0)
        return NULL;
    const int32_t *offset = offsets->buf, *row = rows->buf;
    Py_ssize_t count = rows->len / (Py_ssize_t)sizeof *row;
    PyObject *lengths = bytes_of(count, sizeof(int32_t));
    PyObject *new_starts = bytes_of(length, sizeof(int32_t)), *new_counts = bytes_of(length, sizeof(int32_t));
    PyObject *result = NULL;
    if (lengths != NULL && new_starts != NULL && new_counts != NULL) {
        int32_t *each = (int32_t *)PyBytes_AS_STRING(lengths);
        int32_t *start = (int32_t *)PyBytes_AS_STRING(new_starts), *number = (int32_t *)PyBytes_AS_STRING(new_counts);
        for (Py_ssize_t i = 0; i < count; i++) {
            int32_t from = offset[row[i]], more = offset[row[i] + 1] - from;
            copy_moved(start, (const int32_t *)starts->buf + from, more, large);
            copy_moved(number, (const int32_t *)counts->buf + from, more, large);
            start += more;
            number += more;
            each[i] = more;
        }
        result = PyTuple_Pack(3, lengths, new_starts, new_counts);
    }
    Py_XDECREF(lengths);
    Py_XDECREF(new_starts);
    Py_XDECREF(new_counts);
    return result;
}

static PyObject *ordered_numbers(PyObject *self, PyObject *arguments)
{
    (void)self;
    Py_buffer offsets, rows, starts, counts;
    int large;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*i", &offsets, &rows, &starts, &counts, &large))
        return NULL;
    PyObject *result = moved(&offsets, &rows, &starts, &counts, large);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&starts);
    PyBuffer_Release(&counts);
    return result;
}

static PyMethodDef methods[] = {
    {"ordered_numbers", ordered_numbers, METH_VARARGS,
     "ordered_numbers(offsets, rows, starts, counts, large) -> (lengths, starts, counts)"},
    {"ordered_lists", ordered_lists, METH_VARARGS,
     "ordered_lists(offsets, rows, starts, counts, large) -> (offsets, starts, counts)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_lists", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__lists(void)
{
    return PyModule_Create(&module);
}
