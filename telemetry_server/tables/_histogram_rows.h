/* Rows of histograms in columns.  The compiled parts that collect histograms include it. */

#include "_columns.h"

enum { PINGS, PROCESSES, LABELS, KEYS, LENGTHS, SUMS, STARTS, COUNTS, COLUMNS }; /* of int32; sums of int64 */

typedef struct {
    PyObject *words; /* a dict that numbers what it is asked for */
    PyObject *large; /* numbers that do not fit in 32 bits */
    Column of[COLUMNS];
    Py_ssize_t count, large_before; /* of rows that were appended; of large numbers before */
} HistogramRows;

/* Take the columns of a `HistogramRows`. */
static int begin_rows(HistogramRows *rows, PyObject *into)
{
    Column *of = rows->of;
    if (!PyArg_ParseTuple(into, "O!O!YYYYYYYY", &PyDict_Type, &rows->words, &PyList_Type, &rows->large,
                          &of[PINGS].bytes, &of[PROCESSES].bytes, &of[LABELS].bytes, &of[KEYS].bytes,
                          &of[LENGTHS].bytes, &of[SUMS].bytes, &of[STARTS].bytes, &of[COUNTS].bytes))
        return 0;
    for (int i = 0; i < COLUMNS; i++)
        begin_column(&of[i]);
    rows->large_before = PyList_GET_SIZE(rows->large);
    return 1;
}

/* Note a number that does not fit; the result stands for it, 0 is a failure. */
static int32_t add_large(HistogramRows *rows, int64_t number)
{
    PyObject *large = PyLong_FromLongLong(number);
    int failed = large == NULL || PyList_Append(rows->large, large) < 0;
    Py_XDECREF(large);
    return failed ? 0 : (int32_t)-PyList_GET_SIZE(rows->large);
}

/* Append starts or counts; a negative number stands for one in `large`. */
static int append_numbers(HistogramRows *rows, int column, const int64_t *numbers, int64_t count)
{
    int32_t *to = appended(&rows->of[column], count * (Py_ssize_t)sizeof *to);
    if (to == NULL)
        return 0;
    for (int64_t i = 0; i < count; i++) {
        if (numbers[i] >= 0 && numbers[i] <= INT32_MAX)
            to[i] = (int32_t)numbers[i];
        else if ((to[i] = add_large(rows, numbers[i])) == 0)
            return 0;
    }
    return 1;
}

/* Append the rest of a row whose starts and counts are there; `label` may be NULL. */
static int append_row(HistogramRows *rows, int64_t length, int64_t key, int64_t sum, PyObject *label)
{
    Column *of = rows->of;
    int64_t word = label == NULL ? 0 : number_of(rows->words, label);
    rows->count++;
    return word >= 0 && (label == NULL || append_short(&of[LABELS], word)) && append_short(&of[LENGTHS], length) &&
           append_short(&of[KEYS], key) && append(&of[SUMS], &sum, sizeof sum);
}

/* Append what all rows have in common, where they do not have labels of their own. */
static int append_common(HistogramRows *rows, int ping, PyObject *process, int has_labels)
{
    if (rows->count == 0)
        return 1;
    int64_t number = number_of(rows->words, process);
    if (number < 0 || !append_repeated(&rows->of[PROCESSES], number, rows->count) ||
        !append_repeated(&rows->of[PINGS], ping, rows->count))
        return 0;
    if (has_labels)
        return 1;
    PyObject *empty = PyUnicode_FromStringAndSize(NULL, 0);
    number = empty == NULL ? -1 : number_of(rows->words, empty);
    Py_XDECREF(empty);
    return number >= 0 && append_repeated(&rows->of[LABELS], number, rows->count);
}

/* Keep the rows, or leave the columns as they were; 0 with an exception, which may be of before. */
static int end_rows(HistogramRows *rows, int keeps_rows)
{
    int is_ended = 1;
    for (int i = 0; i < COLUMNS; i++)
        is_ended &= end_column(&rows->of[i], keeps_rows);
    if (!is_ended || PyErr_Occurred())
        return 0;
    Py_ssize_t large = PyList_GET_SIZE(rows->large);
    return keeps_rows || PyList_SetSlice(rows->large, rows->large_before, large, NULL) == 0;
}
