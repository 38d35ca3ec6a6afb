/*
 * Collects the metrics of a Glean ping for the tables: scalars and distributions, straight into columns.
 * It is optional: `glean_collector.py` is its only caller, and without it `records/` finds the same, slower.
 *
 * It reads the decoded object, and accepts what clients send in the usual form.  For distributions whose
 * buckets do not rise it returns None, and the caller uses the plain way.  It raises only exceptions that the
 * plain way would raise, too.
 */

#define PY_SSIZE_T_CLEAN
#include "_histogram_rows.h"
#include "_scalar_rows.h"

#define MAX_DIGITS 19
#define NOT_SENT (-1)
#define NO_SUM INT64_MIN

/* What a metric type holds; the numbers that `glean_collector.py` gives them. */
enum { SIMPLE, TIMESPAN, LABELED, DUAL_LABELED, DISTRIBUTION, LABELED_DISTRIBUTION };

/* The part of a distribution that is read: numbers of int64. */
typedef struct {
    char *data;
    size_t length, room;
} Buffer;

typedef struct {
    Scalars scalars;
    HistogramRows histograms;
    PyObject *shape_keys; /* a dict that numbers what it is asked for */
    PyObject *text_of;    /* the text of an object or a list */
    PyObject *empty, *values, *value, *sum;
    Buffer read_starts, read_counts;
    int is_unusual;
} Rows;

static int add(Buffer *buffer, int64_t number)
{
    if (buffer->length + sizeof number > buffer->room) {
        size_t room = buffer->length * 2 + 256;
        char *grown = PyMem_Realloc(buffer->data, room);
        if (grown == NULL) {
            PyErr_NoMemory();
            return 0;
        }
        buffer->data = grown;
        buffer->room = room;
    }
    memcpy(buffer->data + buffer->length, &number, sizeof number);
    buffer->length += sizeof number;
    return 1;
}

/* ---- scalars */

/* The scalars of Glean have no process. */
static int add_value(Rows *rows, PyObject *value, PyObject *metric, PyObject *label, PyObject *kind)
{
    return add_scalar(&rows->scalars, value, metric, rows->empty, label, kind);
}

static int add_simple(Rows *rows, PyObject *value, PyObject *metric, PyObject *kind)
{
    if (!PyDict_Check(value) && !PyList_Check(value))
        return add_value(rows, value, metric, rows->empty, kind);
    PyObject *text = PyObject_CallOneArg(rows->text_of, value);
    int is_added = text != NULL && add_value(rows, text, metric, rows->empty, kind);
    Py_XDECREF(text);
    return is_added;
}

static int add_timespan(Rows *rows, PyObject *value, PyObject *metric, PyObject *kind)
{
    PyObject *span = PyDict_Check(value) ? PyDict_GetItemWithError(value, rows->value) : NULL;
    if (span == NULL)
        return !PyErr_Occurred();
    return add_value(rows, span, metric, rows->empty, kind);
}

/* `before` stands before each label. */
static int add_labels(Rows *rows, PyObject *by_label, PyObject *metric, PyObject *before, PyObject *kind)
{
    PyObject *label, *value;
    Py_ssize_t at = 0;
    if (!PyDict_Check(by_label))
        return 1;
    while (PyDict_Next(by_label, &at, &label, &value)) {
        if (before == NULL) {
            if (!add_value(rows, value, metric, label, kind))
                return 0;
            continue;
        }
        PyObject *whole = PyUnicode_Concat(before, label);
        int is_added = whole != NULL && add_value(rows, value, metric, whole, kind);
        Py_XDECREF(whole);
        if (!is_added)
            return 0;
    }
    return 1;
}

static int add_dual_labels(Rows *rows, PyObject *by_key, PyObject *metric, PyObject *kind)
{
    PyObject *key, *by_category;
    Py_ssize_t at = 0;
    if (!PyDict_Check(by_key))
        return 1;
    while (PyDict_Next(by_key, &at, &key, &by_category)) {
        PyObject *before = PyUnicode_FromFormat("%U/", key);
        int is_added = before != NULL && add_labels(rows, by_category, metric, before, kind);
        Py_XDECREF(before);
        if (!is_added)
            return 0;
    }
    return 1;
}

/* ---- distributions */

/* Read a plain decimal integer of 64 bits; 0 for any other text. */
static int read_start(PyObject *text, int64_t *start)
{
    if (!PyUnicode_IS_COMPACT_ASCII(text))
        return 0;
    const char *at = (const char *)PyUnicode_1BYTE_DATA(text);
    Py_ssize_t digits = PyUnicode_GET_LENGTH(text);
    int is_negative = digits > 0 && *at == '-';
    at += is_negative;
    digits -= is_negative;
    if (digits < 1 || digits > MAX_DIGITS || (*at == '0' && (digits > 1 || is_negative)))
        return 0;
    uint64_t number = 0; /* MAX_DIGITS digits fit */
    for (Py_ssize_t i = 0; i < digits; i++) {
        if (at[i] < '0' || at[i] > '9')
            return 0;
        number = number * 10 + (uint64_t)(at[i] - '0');
    }
    if (number > INT64_MAX)
        return 0;
    *start = is_negative ? -(int64_t)number : (int64_t)number;
    return 1;
}

/* Read the buckets that are not empty; 0 if they are not valid buckets, or with an exception. */
static int read_buckets(Rows *rows, PyObject *values)
{
    PyObject *text, *sent;
    Py_ssize_t at = 0;
    int is_rising = 1;
    int64_t last = INT64_MIN;
    rows->read_starts.length = rows->read_counts.length = 0;
    while (PyDict_Next(values, &at, &text, &sent)) {
        int64_t start;
        int is_long;
        if (!read_start(text, &start) || !PyLong_CheckExact(sent))
            return 0;
        int64_t count = PyLong_AsLongLongAndOverflow(sent, &is_long);
        if (is_long || count < 0)
            return 0;
        is_rising &= start > last;
        last = start;
        if (count != 0 && (!add(&rows->read_starts, start) || !add(&rows->read_counts, count)))
            return 0;
    }
    rows->is_unusual |= !is_rising;
    return 1;
}

static int64_t sum_of(PyObject *sum)
{
    int is_long = 0;
    if (sum == NULL || !PyLong_CheckExact(sum))
        return NO_SUM;
    int64_t number = PyLong_AsLongLongAndOverflow(sum, &is_long);
    return is_long || number == NOT_SENT ? NO_SUM : number;
}

static int add_distribution(Rows *rows, PyObject *value, PyObject *metric, PyObject *label, PyObject *kind)
{
    PyObject *values = PyDict_Check(value) ? PyDict_GetItemWithError(value, rows->values) : NULL;
    if (values == NULL || !PyDict_Check(values) || !read_buckets(rows, values) || rows->is_unusual)
        return !PyErr_Occurred();
    PyObject *sum = PyDict_GetItemWithError(value, rows->sum);
    PyObject *key = PyErr_Occurred() ? NULL : PyTuple_Pack(2, kind, metric);
    if (key == NULL)
        return 0;
    /* The process has a number before any label, as in the plain way. */
    int64_t process = number_of(rows->histograms.words, rows->empty);
    int64_t shape = process < 0 ? -1 : number_of(rows->shape_keys, key);
    int64_t length = (int64_t)(rows->read_starts.length / sizeof length);
    Py_DECREF(key);
    return shape >= 0 && append_numbers(&rows->histograms, STARTS, (int64_t *)rows->read_starts.data, length) &&
           append_numbers(&rows->histograms, COUNTS, (int64_t *)rows->read_counts.data, length) &&
           append_row(&rows->histograms, length, shape, sum_of(sum), label);
}

static int add_labeled_distributions(Rows *rows, PyObject *by_label, PyObject *metric, PyObject *kind)
{
    PyObject *label, *value;
    Py_ssize_t at = 0;
    if (!PyDict_Check(by_label))
        return 1;
    while (PyDict_Next(by_label, &at, &label, &value))
        if (!add_distribution(rows, value, metric, label, kind))
            return 0;
    return 1;
}

/* ---- metrics */

static int add_metric(Rows *rows, long form, PyObject *value, PyObject *metric, PyObject *kind)
{
    switch (form) {
    case SIMPLE:
        return add_simple(rows, value, metric, kind);
    case TIMESPAN:
        return add_timespan(rows, value, metric, kind);
    case LABELED:
        return add_labels(rows, value, metric, NULL, kind);
    case DUAL_LABELED:
        return add_dual_labels(rows, value, metric, kind);
    case DISTRIBUTION:
        return add_distribution(rows, value, metric, rows->empty, kind);
    default:
        return add_labeled_distributions(rows, value, metric, kind);
    }
}

/* 0 with an exception, or if the metrics are unusual. */
static int add_all(Rows *rows, PyObject *metrics, PyObject *forms)
{
    PyObject *kind, *by_metric;
    Py_ssize_t kinds = 0;
    while (PyDict_Next(metrics, &kinds, &kind, &by_metric)) {
        PyObject *form = PyDict_Check(by_metric) ? PyDict_GetItemWithError(forms, kind) : NULL;
        if (form == NULL) {
            if (PyErr_Occurred())
                return 0;
            continue;
        }
        PyObject *metric, *value;
        Py_ssize_t at = 0;
        while (PyDict_Next(by_metric, &at, &metric, &value))
            if (!add_metric(rows, PyLong_AsLong(form), value, metric, kind) || rows->is_unusual)
                return 0;
    }
    return 1;
}

static PyObject *metrics(PyObject *self, PyObject *arguments)
{
    (void)self;
    PyObject *sent, *forms, *of_scalars, *of_histograms;
    Rows rows = {0};
    int ping, is_whole;
    if (!PyArg_ParseTuple(arguments, "iO!O!O!OO!O!", &ping, &PyDict_Type, &sent, &PyDict_Type, &forms, &PyDict_Type,
                          &rows.shape_keys, &rows.text_of, &PyTuple_Type, &of_scalars, &PyTuple_Type,
                          &of_histograms) ||
        !begin_scalars(&rows.scalars, of_scalars) || !begin_rows(&rows.histograms, of_histograms))
        return NULL;
    rows.empty = PyUnicode_InternFromString("");
    rows.values = PyUnicode_InternFromString("values");
    rows.value = PyUnicode_InternFromString("value");
    rows.sum = PyUnicode_InternFromString("sum");
    is_whole = rows.empty != NULL && rows.values != NULL && rows.value != NULL && rows.sum != NULL &&
               add_all(&rows, sent, forms) && append_common(&rows.histograms, ping, rows.empty, 1);
    int is_ended = end_scalars(&rows.scalars, ping, is_whole) & end_rows(&rows.histograms, is_whole);
    PyMem_Free(rows.read_starts.data);
    PyMem_Free(rows.read_counts.data);
    Py_XDECREF(rows.empty);
    Py_XDECREF(rows.values);
    Py_XDECREF(rows.value);
    Py_XDECREF(rows.sum);
    return is_ended ? PyBool_FromLong(is_whole) : NULL;
}

static PyMethodDef methods[] = {
    {"metrics", metrics, METH_VARARGS,
     "metrics(ping, sent, forms, shape_keys, text_of, scalars, histograms) -> whether rows were appended"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_metrics", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__metrics(void)
{
    return PyModule_Create(&module);
}
