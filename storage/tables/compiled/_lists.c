/*
 * Puts the buckets of histograms into another order, and makes 64 bits of each number; sorts whole histograms by metric.
 * It is optional: `bucket_lists.py` is its only caller, and the same is done without it, slower.
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

typedef struct {
    const int32_t *numbers;
    Py_ssize_t count;
} Numbers;

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

/* The columns of a part in the order of its buffers, and the new numbers of its words, keys and pings. */
enum { PINGS, PROCESSES, LABELS, KEYS, LENGTHS, SUMS, STARTS, COUNTS, NEW_WORDS, NEW_KEYS, NEW_PINGS, BUFFERS };

typedef struct {
    Py_buffer buffers[BUFFERS];
    int held; /* how many of `buffers` */
    Py_ssize_t rows;
    int32_t first, large;
} Part;

static const int32_t *numbers_of(const Part *part, int column)
{
    return part->buffers[column].buf;
}

static Py_ssize_t count_of(const Part *part, int column)
{
    return part->buffers[column].len / (Py_ssize_t)sizeof(int32_t);
}

static int is_among(int32_t number, const Part *part, int column)
{
    return number >= 0 && number < count_of(part, column);
}

/* The new number of a ping; -1 if it is unwanted, -2 if it is not there.  Without new numbers they follow `first`. */
static int64_t new_ping(const Part *part, int32_t ping)
{
    if (part->buffers[NEW_PINGS].len == 0)
        return ping >= 0 && part->first >= 0 ? (int64_t)part->first + ping : -2;
    return is_among(ping, part, NEW_PINGS) ? numbers_of(part, NEW_PINGS)[ping] : -2;
}

/* Where the columns of a run are that is being filled, and where the next row and bucket of each metric go. */
typedef struct {
    int32_t *ping, *process, *label, *key, *length;
    int64_t *sum;
    int32_t *starts, *counts;
    int64_t *next_rows, *next_buckets;
} Run;

static void release(Part *parts, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++)
        while (parts[i].held)
            PyBuffer_Release(&parts[i].buffers[--parts[i].held]);
    PyMem_Free(parts);
}

/* Takes the buffers of a tuple; 0 with an error set where one is missing or has another length than the others. */
static int take_part(Part *part, PyObject *given)
{
    if (!PyTuple_Check(given) || PyTuple_GET_SIZE(given) != BUFFERS + 2) {
        PyErr_SetString(PyExc_TypeError, "a part is a tuple of buffers and two numbers");
        return 0;
    }
    for (int column = 0; column < BUFFERS; column++, part->held++)
        if (PyObject_GetBuffer(PyTuple_GET_ITEM(given, column), &part->buffers[column], PyBUF_SIMPLE) < 0)
            return 0;
    part->rows = count_of(part, PINGS);
    part->first = (int32_t)PyLong_AsLong(PyTuple_GET_ITEM(given, BUFFERS));
    part->large = (int32_t)PyLong_AsLong(PyTuple_GET_ITEM(given, BUFFERS + 1));
    if (PyErr_Occurred())
        return 0;
    int is_right = part->large >= 0 && part->buffers[SUMS].len == part->rows * (Py_ssize_t)sizeof(int64_t) &&
                   part->buffers[STARTS].len == part->buffers[COUNTS].len;
    for (int column = PROCESSES; column <= LENGTHS; column++)
        is_right = is_right && count_of(part, column) == part->rows;
    if (!is_right)
        PyErr_SetString(PyExc_ValueError, "a column has another length");
    return is_right;
}

/* Counts rows and buckets by metric; 0 with an error set where something is not there. */
static int count_rows(const Part *part, Numbers metrics, int64_t *rows, int64_t *buckets, Py_ssize_t known)
{
    int64_t length = 0;
    for (Py_ssize_t i = 0; i < part->rows; i++) {
        int32_t ping = numbers_of(part, PINGS)[i], key = numbers_of(part, KEYS)[i];
        int32_t count = numbers_of(part, LENGTHS)[i];
        int64_t moved_ping = new_ping(part, ping);
        int is_right = moved_ping >= -1 && moved_ping <= INT32_MAX && is_among(key, part, NEW_KEYS) && count >= 0 &&
                       is_among(numbers_of(part, PROCESSES)[i], part, NEW_WORDS) &&
                       is_among(numbers_of(part, LABELS)[i], part, NEW_WORDS);
        int32_t new_key = is_right ? numbers_of(part, NEW_KEYS)[key] : -1;
        is_right = is_right && new_key >= 0 && new_key < metrics.count;
        int32_t metric = is_right ? metrics.numbers[new_key] : -1;
        length += count;
        if (!is_right || metric < 0 || metric >= known || length > count_of(part, STARTS)) {
            PyErr_SetString(PyExc_ValueError, "a row is not there");
            return 0;
        }
        if (moved_ping < 0)
            continue; /* it is unwanted */
        rows[metric]++;
        buckets[metric] += count;
    }
    return 1;
}

/* Puts the rows of a part behind those of the same metric; `positions`, if given, tells where each went. */
static void put_rows(const Part *part, Numbers metrics, Run *run, int32_t *positions)
{
    const int32_t *starts = numbers_of(part, STARTS), *counts = numbers_of(part, COUNTS);
    for (Py_ssize_t i = 0; i < part->rows; i++) {
        int32_t count = numbers_of(part, LENGTHS)[i];
        int32_t ping = (int32_t)new_ping(part, numbers_of(part, PINGS)[i]);
        if (positions != NULL)
            positions[i] = -1;
        if (ping >= 0) {
            int32_t key = numbers_of(part, NEW_KEYS)[numbers_of(part, KEYS)[i]], metric = metrics.numbers[key];
            int64_t row = run->next_rows[metric]++;
            run->ping[row] = ping;
            run->process[row] = numbers_of(part, NEW_WORDS)[numbers_of(part, PROCESSES)[i]];
            run->label[row] = numbers_of(part, NEW_WORDS)[numbers_of(part, LABELS)[i]];
            run->key[row] = key;
            run->length[row] = count;
            run->sum[row] = ((const int64_t *)part->buffers[SUMS].buf)[i];
            copy_moved(run->starts + run->next_buckets[metric], starts, count, part->large);
            copy_moved(run->counts + run->next_buckets[metric], counts, count, part->large);
            run->next_buckets[metric] += count;
            if (positions != NULL)
                positions[i] = (int32_t)row;
        }
        starts += count;
        counts += count;
    }
}

/* Makes each of `counts` the sum of those before it, and returns the sum of all. */
static int64_t begins(int64_t *counts, Py_ssize_t count)
{
    int64_t sum = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        int64_t each = counts[i];
        counts[i] = sum;
        sum += each;
    }
    return sum;
}

static PyObject *run_of(Part *parts, Py_ssize_t count, Numbers metrics, Py_ssize_t known, int has_marks)
{
    PyObject *result = NULL, *data = NULL, *positions = NULL, *row_begins = NULL, *bucket_begins = NULL;
    int64_t *next_rows = PyMem_Calloc((size_t)known + 1, sizeof *next_rows);
    int64_t *next_buckets = PyMem_Calloc((size_t)known + 1, sizeof *next_buckets);
    if (next_rows == NULL || next_buckets == NULL) {
        PyErr_NoMemory();
        goto end;
    }
    int64_t all = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!count_rows(&parts[i], metrics, next_rows, next_buckets, known))
            goto end;
        all += parts[i].rows;
    }
    int64_t rows = begins(next_rows, known + 1), buckets = begins(next_buckets, known + 1);
    if (all > INT32_MAX || buckets > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "too many rows");
        goto end;
    }
    row_begins = bytes_of(known + 1, sizeof(int64_t));
    bucket_begins = bytes_of(known + 1, sizeof(int64_t));
    positions = bytes_of(has_marks ? all : 0, sizeof(int32_t));
    data = bytes_of(7 * rows + 2 * buckets, sizeof(int32_t));
    if (row_begins == NULL || bucket_begins == NULL || positions == NULL || data == NULL)
        goto end;
    memcpy(PyBytes_AS_STRING(row_begins), next_rows, ((size_t)known + 1) * sizeof *next_rows);
    memcpy(PyBytes_AS_STRING(bucket_begins), next_buckets, ((size_t)known + 1) * sizeof *next_buckets);
    int32_t *at = (int32_t *)PyBytes_AS_STRING(data);
    Run run = {at, at + rows, at + 2 * rows, at + 3 * rows, at + 4 * rows, NULL, NULL, NULL, next_rows, next_buckets};
    /* Sums of 64 bits come behind five columns of 32: they are put apart, as they need another alignment. */
    run.sum = PyMem_Malloc(((size_t)rows + 1) * sizeof *run.sum);
    if (run.sum == NULL) {
        PyErr_NoMemory();
        goto end;
    }
    run.starts = at + 7 * rows;
    run.counts = run.starts + buckets;
    int32_t *position = has_marks ? (int32_t *)PyBytes_AS_STRING(positions) : NULL;
    /* The buffers are held, and nothing writes into them: other threads may go on. */
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t i = 0; i < count; i++) {
        put_rows(&parts[i], metrics, &run, position);
        if (position != NULL)
            position += parts[i].rows;
    }
    Py_END_ALLOW_THREADS
    memcpy(at + 5 * rows, run.sum, (size_t)rows * sizeof *run.sum);
    PyMem_Free(run.sum);
    result = PyTuple_Pack(4, data, row_begins, bucket_begins, positions);
end:
    Py_XDECREF(data);
    Py_XDECREF(positions);
    Py_XDECREF(row_begins);
    Py_XDECREF(bucket_begins);
    PyMem_Free(next_rows);
    PyMem_Free(next_buckets);
    return result;
}

static PyObject *sorted_run(PyObject *self, PyObject *arguments)
{
    (void)self;
    PyObject *given;
    Py_buffer metrics;
    Py_ssize_t known;
    int has_marks;
    if (!PyArg_ParseTuple(arguments, "O!y*np", &PyTuple_Type, &given, &metrics, &known, &has_marks))
        return NULL;
    PyObject *result = NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(given);
    Part *parts = PyMem_Calloc((size_t)count + 1, sizeof *parts);
    int is_right = parts != NULL && known >= 0 && known < INT32_MAX;
    if (parts == NULL)
        PyErr_NoMemory();
    else if (!is_right)
        PyErr_SetString(PyExc_ValueError, "a metric is not there");
    for (Py_ssize_t i = 0; is_right && i < count; i++)
        is_right = take_part(&parts[i], PyTuple_GET_ITEM(given, i));
    if (is_right) {
        Numbers by_key = {metrics.buf, metrics.len / (Py_ssize_t)sizeof(int32_t)};
        result = run_of(parts, count, by_key, known, has_marks);
    }
    if (parts != NULL)
        release(parts, count);
    PyBuffer_Release(&metrics);
    return result;
}

/* Where lists of these lengths begin, one behind another, and the end of the last. */
static PyObject *offsets_of(PyObject *self, PyObject *given)
{
    (void)self;
    Py_buffer lengths;
    if (PyObject_GetBuffer(given, &lengths, PyBUF_SIMPLE) < 0)
        return NULL;
    const int32_t *length = lengths.buf;
    Py_ssize_t count = lengths.len / (Py_ssize_t)sizeof *length;
    PyObject *result = bytes_of(count + 1, sizeof(int32_t));
    int64_t end = 0;
    for (Py_ssize_t i = 0; result != NULL && i <= count; i++) {
        ((int32_t *)PyBytes_AS_STRING(result))[i] = (int32_t)end;
        int32_t next = i < count ? length[i] : 0;
        end += next;
        if (next < 0 || end > INT32_MAX) {
            PyErr_SetString(PyExc_ValueError, "lengths are not right");
            Py_CLEAR(result);
        }
    }
    PyBuffer_Release(&lengths);
    return result;
}

static PyMethodDef methods[] = {
    {"offsets_of", offsets_of, METH_O, "offsets_of(lengths) -> offsets"},
    {"sorted_run", sorted_run, METH_VARARGS,
     "sorted_run(parts, metrics, known, has_marks) -> (run, first_rows, first_buckets, positions)"},
    {"ordered_lists", ordered_lists, METH_VARARGS,
     "ordered_lists(offsets, rows, starts, counts, large) -> (offsets, starts, counts)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_lists", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__lists(void)
{
    return PyModule_Create(&module);
}
