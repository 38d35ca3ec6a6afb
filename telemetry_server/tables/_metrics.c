/*
 * Collects the metrics of a Glean ping for the tables: scalars and distributions, straight into columns.
 * It is optional: `glean_collector.py` is its only caller, and without it `records/` finds the same, slower.
 *
 * It reads the decoded object, and accepts what clients send in the usual form.  For distributions whose
 * buckets do not rise it returns None, and the caller uses the plain way.  It raises only exceptions that the
 * plain way would raise, too.
 */

#define PY_SSIZE_T_CLEAN
#include "_scalar_rows.h"

#define MAX_DIGITS 19
#define NOT_SENT (-1)
#define NO_SUM INT64_MIN
#define MAX_INT32 INT32_MAX

/* What a metric type holds; the numbers that `glean_collector.py` gives them. */
enum { SIMPLE, TIMESPAN, LABELED, DUAL_LABELED, DISTRIBUTION, LABELED_DISTRIBUTION };

typedef struct {
    Scalars scalars;
    PyObject *shape_keys, *words; /* dicts that number what they are asked for */
    PyObject *large;              /* numbers that do not fit in 32 bits */
    PyObject *text_of;            /* the text of an object or a list */
    PyObject *empty, *values, *value, *sum;
    int has_process; /* whether `process`, the number of the empty text, is known */
    int64_t process;
    Buffer labels, shapes, lengths, sums, starts, counts; /* of distributions: int32, sums int64 */
    Buffer read_starts, read_counts;                      /* of the distribution that is read: int64 */
    int is_unusual;
} Rows;

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
        if (count != 0 && (!add(&rows->read_starts, &start, sizeof start) ||
                           !add(&rows->read_counts, &count, sizeof count)))
            return 0;
    }
    rows->is_unusual |= !is_rising;
    return 1;
}

/* Add numbers of 64 bits as 32; a negative one stands for a number in `large`. */
static int add_numbers(Rows *rows, Buffer *to, const Buffer *from)
{
    const int64_t *numbers = (const int64_t *)from->data;
    for (size_t i = 0; i < from->length / sizeof *numbers; i++) {
        int64_t number = numbers[i];
        if (number < 0 || number > MAX_INT32) {
            PyObject *large = PyLong_FromLongLong(number);
            int is_added = large != NULL && PyList_Append(rows->large, large) == 0;
            Py_XDECREF(large);
            if (!is_added)
                return 0;
            number = -(int64_t)PyList_GET_SIZE(rows->large);
        }
        if (!add_short(to, number))
            return 0;
    }
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
    if (!rows->has_process) {
        rows->process = number_of(rows->words, rows->empty);
        rows->has_process = 1;
    }
    int64_t word = rows->process < 0 ? -1 : number_of(rows->words, label);
    int64_t shape = word < 0 ? -1 : number_of(rows->shape_keys, key), total = sum_of(sum);
    Py_DECREF(key);
    return shape >= 0 && add_short(&rows->labels, word) && add_short(&rows->shapes, shape) &&
           add_short(&rows->lengths, (int64_t)(rows->read_starts.length / sizeof(int64_t))) &&
           add(&rows->sums, &total, sizeof total) && add_numbers(rows, &rows->starts, &rows->read_starts) &&
           add_numbers(rows, &rows->counts, &rows->read_counts);
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

static PyObject *result_of(Rows *rows, int64_t ping)
{
    size_t histograms = rows->lengths.length / sizeof(int32_t);
    PyObject *of_histograms[] = {repeated(ping, histograms), repeated(rows->process, histograms),
                                 bytes_of(&rows->labels),    bytes_of(&rows->shapes),
                                 bytes_of(&rows->lengths),   bytes_of(&rows->sums),
                                 bytes_of(&rows->starts),    bytes_of(&rows->counts)};
    PyObject *both[] = {columns_of(&rows->scalars, ping),
                        tuple_of(of_histograms, sizeof of_histograms / sizeof *of_histograms)};
    return tuple_of(both, sizeof both / sizeof *both);
}

static void free_rows(Rows *rows)
{
    Buffer *buffers[] = {&rows->labels, &rows->shapes, &rows->lengths,     &rows->sums,
                         &rows->starts, &rows->counts, &rows->read_starts, &rows->read_counts};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        PyMem_Free(buffers[i]->data);
    free_scalars(&rows->scalars);
    Py_XDECREF(rows->empty);
    Py_XDECREF(rows->values);
    Py_XDECREF(rows->value);
    Py_XDECREF(rows->sum);
}

static PyObject *metrics(PyObject *self, PyObject *arguments)
{
    (void)self;
    PyObject *sent, *forms, *result = NULL;
    Rows rows = {0};
    int ping;
    if (!PyArg_ParseTuple(arguments, "iO!O!O!O!O!O!O!O", &ping, &PyDict_Type, &sent, &PyDict_Type, &forms, &PyDict_Type,
                          &rows.scalars.known_keys, &PyDict_Type, &rows.scalars.words, &PyDict_Type, &rows.shape_keys,
                          &PyDict_Type, &rows.words, &PyList_Type, &rows.large, &rows.text_of))
        return NULL;
    Py_ssize_t large = PyList_GET_SIZE(rows.large);
    rows.empty = PyUnicode_InternFromString("");
    rows.values = PyUnicode_InternFromString("values");
    rows.value = PyUnicode_InternFromString("value");
    rows.sum = PyUnicode_InternFromString("sum");
    if (rows.empty != NULL && rows.values != NULL && rows.value != NULL && rows.sum != NULL) {
        if (add_all(&rows, sent, forms))
            result = result_of(&rows, ping);
        else if (!PyErr_Occurred() &&
                 PyList_SetSlice(rows.large, large, PyList_GET_SIZE(rows.large), NULL) == 0)
            result = Py_NewRef(Py_None);
    }
    free_rows(&rows);
    return result;
}

static PyMethodDef methods[] = {
    {"metrics", metrics, METH_VARARGS,
     "metrics(ping, sent, forms, scalar_keys, scalar_words, shape_keys, words, large, text_of)"
     " -> ((pings, keys, kinds, numbers), (pings, processes, labels, shapes, lengths, sums, starts, counts)) | None"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_metrics", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__metrics(void)
{
    return PyModule_Create(&module);
}
