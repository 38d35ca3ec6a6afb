/*
 * Collects the scalars and simple measurements of a Firefox record for the tables, straight into columns.
 * It is optional: `scalar_collector.py` is its only caller, and without it `records/scalars.py` finds the
 * same, slower.
 *
 * It reads the decoded object, in whatever form it is, and raises only exceptions that the plain way would
 * raise, too.
 */

#define PY_SSIZE_T_CLEAN
#include "_scalar_rows.h"

#define MAX_DEPTH 8 /* of measurements, as in `records/scalars.py` */

/* Texts, in the order of `texts_of_names`. */
enum { SCALARS, KEYED_SCALARS, MEASUREMENTS, MEASUREMENTS_PREFIX, SCALAR, SIMPLE_MEASUREMENT, EMPTY, DOT, NAMES };
static const char *const texts_of_names[NAMES] = {
    "scalars", "keyedScalars", "simpleMeasurements", "simpleMeasurements.", "scalar", "simple_measurement", "", ".",
};
static PyObject *names[NAMES];

static PyObject *as_object(PyObject *value)
{
    return value != NULL && PyDict_Check(value) ? value : NULL;
}

/* The object that is a member of a section; NULL where there is none, or with an exception. */
static PyObject *object_at(PyObject *content, int name)
{
    PyObject *found = PyDict_GetItemWithError(content, names[name]);
    if (found != NULL && PyBytes_CheckExact(found)) {
        /* Text that `OpenedObject` decodes and keeps. */
        found = PyObject_GetItem(content, names[name]);
        Py_XDECREF(found);
    }
    return as_object(found);
}

/* ---- scalars */

static int add_plain(Scalars *scalars, PyObject *values, PyObject *process)
{
    PyObject *metric, *value;
    Py_ssize_t at = 0;
    while (values != NULL && PyDict_Next(values, &at, &metric, &value))
        if (!add_scalar(scalars, value, metric, process, names[EMPTY], names[SCALAR]))
            return 0;
    return 1;
}

static int add_keyed(Scalars *scalars, PyObject *values, PyObject *process)
{
    PyObject *metric, *by_key, *label, *value;
    Py_ssize_t at = 0;
    while (values != NULL && PyDict_Next(values, &at, &metric, &by_key)) {
        Py_ssize_t place = 0;
        while (PyDict_Check(by_key) && PyDict_Next(by_key, &place, &label, &value))
            if (!add_scalar(scalars, value, metric, process, label, names[SCALAR]))
                return 0;
    }
    return 1;
}

/* What *by_process* has for a process; NULL also with an exception. */
static PyObject *of_process(PyObject *by_process, PyObject *process)
{
    return by_process == NULL ? NULL : as_object(PyDict_GetItemWithError(by_process, process));
}

/* Add the snapshot of a store, as in custom pings: its members have an object for each process. */
static int add_snapshot(Scalars *scalars, PyObject *plain, PyObject *keyed)
{
    PyObject *process, *values;
    Py_ssize_t at = 0;
    while (plain != NULL && PyDict_Next(plain, &at, &process, &values))
        if (!add_plain(scalars, as_object(values), process) ||
            !add_keyed(scalars, of_process(keyed, process), process) || PyErr_Occurred())
            return 0;
    at = 0;
    while (keyed != NULL && PyDict_Next(keyed, &at, &process, &values)) {
        int is_plain = plain == NULL ? 0 : PyDict_Contains(plain, process);
        if (is_plain < 0 || (!is_plain && !add_keyed(scalars, as_object(values), process)))
            return 0;
    }
    return 1;
}

/* ---- simple measurements */

/* Nested measurements are joined by dots, which `prefix` ends with. */
static int add_measurements(Scalars *scalars, PyObject *values, PyObject *process, PyObject *prefix, int depth)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(values, &at, &name, &value)) {
        int is_nested = PyDict_Check(value), is_added = 0;
        if (is_nested ? depth == MAX_DEPTH : value == Py_None || PyList_Check(value))
            continue;
        PyObject *metric = PyUnicode_Concat(prefix, name);
        if (metric != NULL && is_nested) {
            PyUnicode_Append(&metric, names[DOT]);
            is_added = metric != NULL && add_measurements(scalars, value, process, metric, depth + 1);
        } else if (metric != NULL) {
            is_added = add_scalar(scalars, value, metric, process, names[EMPTY], names[SIMPLE_MEASUREMENT]);
        }
        Py_XDECREF(metric);
        if (!is_added)
            return 0;
    }
    return 1;
}

/* ---- sections */

static int add_section(Scalars *scalars, PyObject *section, PyObject *root_places)
{
    PyObject *process, *content, *place;
    if (!PyArg_ParseTuple(section, "O!O!O", &PyUnicode_Type, &process, &PyDict_Type, &content, &place))
        return 0;
    PyObject *plain = object_at(content, SCALARS);
    PyObject *keyed = PyErr_Occurred() ? NULL : object_at(content, KEYED_SCALARS);
    if (PyErr_Occurred())
        return 0;
    if (plain != NULL || keyed != NULL) {
        int is_root = PySequence_Contains(root_places, place);
        if (is_root < 0 || (is_root && !add_snapshot(scalars, plain, keyed)) ||
            !add_plain(scalars, plain, process) || !add_keyed(scalars, keyed, process))
            return 0;
    }
    PyObject *measurements = object_at(content, MEASUREMENTS);
    if (measurements == NULL)
        return !PyErr_Occurred();
    return add_measurements(scalars, measurements, process, names[MEASUREMENTS_PREFIX], 0);
}

static PyObject *scalars(PyObject *self, PyObject *arguments)
{
    (void)self;
    PyObject *sections, *root_places, *into;
    Scalars scalars = {0};
    int ping, is_added = 1;
    if (!PyArg_ParseTuple(arguments, "iO!O!O!", &ping, &PyList_Type, &sections, &PyTuple_Type, &root_places,
                          &PyTuple_Type, &into) ||
        !begin_scalars(&scalars, into))
        return NULL;
    for (Py_ssize_t i = 0; is_added && i < PyList_GET_SIZE(sections); i++)
        is_added = add_section(&scalars, PyList_GET_ITEM(sections, i), root_places);
    if (!end_scalars(&scalars, ping, is_added))
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"scalars", scalars, METH_VARARGS, "scalars(ping, sections, root_places, into): append those of sections"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_scalars", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__scalars(void)
{
    for (int i = 0; i < NAMES; i++)
        if (names[i] == NULL && (names[i] = PyUnicode_InternFromString(texts_of_names[i])) == NULL)
            return NULL;
    return PyModule_Create(&module);
}
