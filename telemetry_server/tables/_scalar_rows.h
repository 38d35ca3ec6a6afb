/* Rows of scalars in columns.  The compiled parts that collect scalars include it. */

#include "_columns.h"

enum { NUMBER, TEXT, BOOLEAN }; /* as in `storage.tables.rows` */

typedef struct {
    PyObject *known_keys, *words;       /* dicts that number what they are asked for */
    Column pings, keys, kinds, values; /* int32, int32, bytes, double */
} Scalars;

/* Take the columns of a `ScalarRows`. */
static int begin_scalars(Scalars *scalars, PyObject *into)
{
    if (!PyArg_ParseTuple(into, "O!O!YYYY", &PyDict_Type, &scalars->known_keys, &PyDict_Type, &scalars->words,
                          &scalars->pings.bytes, &scalars->keys.bytes, &scalars->kinds.bytes,
                          &scalars->values.bytes))
        return 0;
    begin_column(&scalars->pings);
    begin_column(&scalars->keys);
    begin_column(&scalars->kinds);
    begin_column(&scalars->values);
    return 1;
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
    return place >= 0 && append_short(&scalars->keys, place) && append(&scalars->kinds, &type, 1) &&
           append(&scalars->values, &number, sizeof number);
}

/* Keep the scalars, of one ping, or leave the columns as they were; 0 with an exception, which may be of before. */
static int end_scalars(Scalars *scalars, int ping, int keeps_rows)
{
    Py_ssize_t count = scalars->kinds.length - scalars->kinds.before;
    keeps_rows = keeps_rows && append_repeated(&scalars->pings, ping, count);
    int is_ended = end_column(&scalars->pings, keeps_rows) & end_column(&scalars->keys, keeps_rows) &
                   end_column(&scalars->kinds, keeps_rows) & end_column(&scalars->values, keeps_rows);
    return is_ended && !PyErr_Occurred();
}
