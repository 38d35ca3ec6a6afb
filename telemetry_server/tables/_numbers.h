/* Numbers for values, by their first use.  The compiled parts include it. */

#include <Python.h>
#include <stdint.h>

/* The number of `value` in a dict that gives new values one; -1 with an exception. */
static int64_t number_of(PyObject *numbers, PyObject *value)
{
    PyObject *found = PyDict_GetItemWithError(numbers, value);
    if (found != NULL)
        return PyLong_AsLongLong(found);
    if (PyErr_Occurred() || (found = PyObject_GetItem(numbers, value)) == NULL)
        return -1;
    int64_t number = PyLong_AsLongLong(found);
    Py_DECREF(found);
    return number;
}
