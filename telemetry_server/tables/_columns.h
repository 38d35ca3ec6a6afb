/* Columns that grow: bytearrays to which rows are appended in place.  The compiled parts include it. */

#pragma once
#include "_numbers.h"

#include <string.h>

typedef struct {
    PyObject *bytes;                 /* a bytearray, borrowed; longer than its numbers until `end_column` */
    Py_ssize_t before, length, room; /* its length before this call, and now; and what it may have in place */
} Column;

static void begin_column(Column *column)
{
    column->before = column->length = column->room = PyByteArray_GET_SIZE(column->bytes);
}

/* Where `more` bytes may be written, which then count as appended; NULL with an exception. */
static void *appended(Column *column, Py_ssize_t more)
{
    Py_ssize_t length = column->length + more;
    if (length > column->room) {
        /* As much as it has memory for; else twice as much: to grow is to copy. */
        Py_ssize_t room = ((PyByteArrayObject *)column->bytes)->ob_alloc - 1;
        room = length <= room ? room : length + column->length;
        if (PyByteArray_Resize(column->bytes, room) < 0)
            return NULL;
        column->room = room;
    }
    void *end = PyByteArray_AS_STRING(column->bytes) + column->length;
    column->length = length;
    return end;
}

static int append(Column *column, const void *data, Py_ssize_t length)
{
    void *end = appended(column, length);
    if (end != NULL)
        memcpy(end, data, (size_t)length);
    return end != NULL;
}

static int append_short(Column *column, int64_t number)
{
    int32_t shorter = (int32_t)number;
    return append(column, &shorter, sizeof shorter);
}

static int append_repeated(Column *column, int64_t number, Py_ssize_t count)
{
    int32_t *end = appended(column, count * (Py_ssize_t)sizeof *end);
    for (Py_ssize_t i = 0; end != NULL && i < count; i++)
        end[i] = (int32_t)number;
    return end != NULL;
}

/* Give the bytearray its length: with what was appended, or as it was before. */
static int end_column(Column *column, int keeps_rows)
{
    return PyByteArray_Resize(column->bytes, keeps_rows ? column->length : column->before) == 0;
}
