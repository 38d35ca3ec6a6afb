/*
 * Adds up the lists of histograms by cell, and finds distinct pairs of numbers.  It is optional: `list_sums.py`
 * is its only caller, and where it is missing PyArrow does the same, slower.
 *
 * The lists of one cell are merged one after another: their starts rise, so each merge is one walk over
 * both.  For lists that do not rise, and for sums that do not fit into 64 bits, it returns None; the caller
 * then takes the slower way, which is the reference.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define DIGIT_BITS 16
#define DIGITS ((Py_ssize_t)1 << DIGIT_BITS) /* numbers are sorted by so many values at once */

typedef struct {
    int64_t start, count;
} Bucket;

typedef struct {
    Bucket *data;
    size_t length, room;
} Buckets;

/* Makes room for `more` buckets behind those that are there; 0 without memory. */
static int reserve(Buckets *buckets, size_t more)
{
    size_t wanted = buckets->length + more;
    if (wanted <= buckets->room)
        return 1;
    size_t room = wanted + wanted / 2 + 64;
    Bucket *data = PyMem_RawRealloc(buckets->data, room * sizeof(Bucket));
    if (data == NULL)
        return 0;
    buckets->data = data;
    buckets->room = room;
    return 1;
}

/*
 * Merges a list into `cell`, by way of `spare`.  Returns 0 where the starts do not rise, a sum is too
 * large, or memory is short.
 */
static int merge(Buckets *cell, Buckets *spare, const int64_t *starts, const int64_t *counts, size_t length)
{
    spare->length = 0;
    if (!reserve(spare, cell->length + length))
        return 0;
    const Bucket *old = cell->data, *old_end = cell->data + cell->length;
    Bucket *to = spare->data;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && starts[i] <= starts[i - 1])
            return 0;
        while (old < old_end && old->start < starts[i])
            *to++ = *old++;
        to->start = starts[i];
        to->count = counts[i];
        if (old < old_end && old->start == starts[i] && __builtin_add_overflow(counts[i], (old++)->count, &to->count))
            return 0;
        to++;
    }
    while (old < old_end)
        *to++ = *old++;
    spare->length = (size_t)(to - spare->data);
    Buckets swapped = *cell;
    *cell = *spare;
    *spare = swapped;
    return 1;
}

typedef struct {
    Py_buffer cells, offsets, starts, counts;
} Lists;

/* Whether all numbers that the buffers hold stay within them. */
static int are_sound(const Lists *lists, Py_ssize_t rows, Py_ssize_t cells)
{
    const int64_t *cell = lists->cells.buf;
    const int32_t *offset = lists->offsets.buf;
    if (lists->offsets.len != (rows + 1) * (Py_ssize_t)sizeof(int32_t) || lists->starts.len != lists->counts.len)
        return 0;
    Py_ssize_t numbers = lists->starts.len / (Py_ssize_t)sizeof(int64_t);
    if (offset[0] < 0 || offset[rows] > numbers)
        return 0;
    for (Py_ssize_t row = 0; row < rows; row++)
        if (cell[row] < 0 || cell[row] >= cells || offset[row] > offset[row + 1])
            return 0;
    return 1;
}

/*
 * Returns the rows in the order of their cells, and in `ends` where those of each cell end; NULL without memory.
 * Rows of one cell stay in the order that `before` has, or in that of the rows where it is NULL.  A cell is what
 * the numbers have in the bits of `mask` from `shift` on.
 */
static uint32_t *ordered_rows(const int64_t *numbers, int shift, int64_t mask, Py_ssize_t rows, Py_ssize_t cells,
                              uint32_t *ends, const uint32_t *before)
{
    uint32_t *order = PyMem_RawMalloc(((size_t)rows + 1) * sizeof(uint32_t));
    if (order == NULL)
        return NULL;
    memset(ends, 0, ((size_t)cells + 1) * sizeof(uint32_t));
    for (Py_ssize_t row = 0; row < rows; row++)
        ends[((numbers[row] >> shift) & mask) + 1]++;
    for (Py_ssize_t each = 0; each < cells; each++)
        ends[each + 1] += ends[each];
    for (Py_ssize_t at = 0; at < rows; at++) {
        uint32_t row = before == NULL ? (uint32_t)at : before[at];
        order[ends[(numbers[row] >> shift) & mask]++] = row;
    }
    return order; /* ends[c] is now where the rows of cell c end */
}

/* Merges the lists of each cell, and appends the sums to `total`; 0 where that does not work. */
static int add_cells(
    const Lists *lists, const uint32_t *order, const uint32_t *ends, Py_ssize_t cells, Buckets *total, int32_t *lengths)
{
    const int32_t *offset = lists->offsets.buf;
    const int64_t *starts = lists->starts.buf, *counts = lists->counts.buf;
    Buckets cell = {NULL, 0, 0}, spare = {NULL, 0, 0};
    int is_done = 1;
    uint32_t at = 0;
    for (Py_ssize_t each = 0; is_done && each < cells; each++) {
        cell.length = 0;
        for (; is_done && at < ends[each]; at++) {
            int32_t first = offset[order[at]];
            size_t length = (size_t)(offset[order[at] + 1] - first);
            is_done = merge(&cell, &spare, starts + first, counts + first, length);
        }
        is_done = is_done && cell.length <= INT32_MAX && reserve(total, cell.length);
        if (is_done) {
            if (cell.length)
                memcpy(total->data + total->length, cell.data, cell.length * sizeof(Bucket));
            total->length += cell.length;
            lengths[each] = (int32_t)cell.length;
        }
    }
    PyMem_RawFree(cell.data);
    PyMem_RawFree(spare.data);
    return is_done && total->length <= INT32_MAX;
}

/* Returns lengths, starts and counts as bytes. */
static PyObject *result_of(const Buckets *total, const int32_t *lengths, Py_ssize_t cells)
{
    Py_ssize_t size = (Py_ssize_t)(total->length * sizeof(int64_t));
    PyObject *starts = PyBytes_FromStringAndSize(NULL, size);
    PyObject *counts = PyBytes_FromStringAndSize(NULL, size);
    if (starts == NULL || counts == NULL) {
        Py_XDECREF(starts);
        Py_XDECREF(counts);
        return NULL;
    }
    int64_t *start = (int64_t *)PyBytes_AS_STRING(starts), *count = (int64_t *)PyBytes_AS_STRING(counts);
    for (size_t i = 0; i < total->length; i++) {
        start[i] = total->data[i].start;
        count[i] = total->data[i].count;
    }
    return Py_BuildValue(
        "(y#NN)", (const char *)lengths, cells * (Py_ssize_t)sizeof(int32_t), starts, counts);
}

static PyObject *summed(const Lists *lists, Py_ssize_t cells)
{
    Py_ssize_t rows = lists->cells.len / (Py_ssize_t)sizeof(int64_t);
    if (cells < 0 || rows > INT32_MAX || cells > INT32_MAX || !are_sound(lists, rows, cells))
        Py_RETURN_NONE;
    uint32_t *ends = PyMem_RawMalloc(((size_t)cells + 1) * sizeof(uint32_t));
    int32_t *lengths = PyMem_RawCalloc((size_t)cells + 1, sizeof(int32_t));
    uint32_t *order = ends == NULL ? NULL : ordered_rows(lists->cells.buf, 0, -1, rows, cells, ends, NULL);
    Buckets total = {NULL, 0, 0};
    int is_done = 0;
    if (lengths != NULL && order != NULL) {
        Py_BEGIN_ALLOW_THREADS
        is_done = add_cells(lists, order, ends, cells, &total, lengths);
        Py_END_ALLOW_THREADS
    }
    PyObject *result = is_done ? result_of(&total, lengths, cells) : Py_NewRef(Py_None);
    PyMem_RawFree(ends);
    PyMem_RawFree(lengths);
    PyMem_RawFree(order);
    PyMem_RawFree(total.data);
    return result;
}

static PyObject *sum_lists(PyObject *self, PyObject *arguments)
{
    (void)self;
    Lists lists;
    Py_ssize_t cells;
    if (!PyArg_ParseTuple(arguments, "y*ny*y*y*", &lists.cells, &cells, &lists.offsets, &lists.starts, &lists.counts))
        return NULL;
    PyObject *result = summed(&lists, cells);
    PyBuffer_Release(&lists.cells);
    PyBuffer_Release(&lists.offsets);
    PyBuffer_Release(&lists.starts);
    PyBuffer_Release(&lists.counts);
    return result;
}

/* Returns the sum of each list as int64; None where one does not fit, or the offsets are wrong. */
static PyObject *row_sums(PyObject *self, PyObject *arguments)
{
    (void)self;
    Py_buffer offsets, numbers;
    if (!PyArg_ParseTuple(arguments, "y*y*", &offsets, &numbers))
        return NULL;
    const int32_t *offset = offsets.buf;
    const int64_t *number = numbers.buf;
    Py_ssize_t rows = offsets.len / (Py_ssize_t)sizeof(int32_t) - 1;
    int64_t length = numbers.len / (Py_ssize_t)sizeof(int64_t);
    int is_done = rows >= 0 && offset[0] >= 0 && offset[rows] <= length;
    PyObject *result = is_done ? PyBytes_FromStringAndSize(NULL, rows * (Py_ssize_t)sizeof(int64_t)) : NULL;
    int64_t *sum = result == NULL ? NULL : (int64_t *)PyBytes_AS_STRING(result);
    is_done = is_done && result != NULL;
    for (Py_ssize_t row = 0; is_done && row < rows; row++) {
        is_done = offset[row] <= offset[row + 1] && offset[row + 1] <= length;
        sum[row] = 0;
        for (int32_t at = offset[row]; is_done && at < offset[row + 1]; at++)
            is_done = !__builtin_add_overflow(sum[row], number[at], &sum[row]);
    }
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&numbers);
    if (is_done || PyErr_Occurred())
        return result;
    Py_XDECREF(result);
    Py_RETURN_NONE;
}

/* Writes the members of each group to `to`, each once, and how many each group has to `lengths`; returns how many in all. */
static Py_ssize_t distinct(
    const int64_t *group, const uint32_t *order, Py_ssize_t rows, const int64_t *member, int32_t *lengths, int64_t *to)
{
    Py_ssize_t found = 0;
    int64_t last_group = -1, last_member = -1;
    for (Py_ssize_t at = 0; at < rows; at++) {
        int64_t in = group[order[at]], each = member[order[at]];
        if (in == last_group && each == last_member)
            continue;
        last_group = in;
        last_member = each;
        lengths[in]++;
        to[found++] = each;
    }
    return found;
}

/* Whether all of `count` numbers are at least 0 and below `end`. */
static int are_below(const int64_t *numbers, Py_ssize_t count, Py_ssize_t end)
{
    int are = 1;
    for (Py_ssize_t at = 0; at < count; at++)
        are &= numbers[at] >= 0 && numbers[at] < end;
    return are;
}

/* Returns the rows in the order of groups and members, by passes of counting; NULL without memory. */
static uint32_t *ordered_pairs(
    const int64_t *group, Py_ssize_t groups, const int64_t *member, Py_ssize_t members, Py_ssize_t rows)
{
    Py_ssize_t digits = members < DIGITS ? members : DIGITS;
    uint32_t *ends = PyMem_RawMalloc(((size_t)(groups > digits ? groups : digits) + 1) * sizeof(uint32_t));
    uint32_t *order = NULL;
    if (ends == NULL)
        return NULL;
    for (int shift = 0; shift == 0 || (order != NULL && (members - 1) >> shift > 0); shift += DIGIT_BITS) {
        uint32_t *next = ordered_rows(member, shift, DIGITS - 1, rows, digits, ends, order);
        PyMem_RawFree(order);
        order = next;
    }
    uint32_t *sorted = order == NULL ? NULL : ordered_rows(group, 0, -1, rows, groups, ends, order);
    PyMem_RawFree(order);
    PyMem_RawFree(ends);
    return sorted;
}

static PyObject *pairs_of(
    const int64_t *group, Py_ssize_t groups, const int64_t *member, Py_ssize_t members, Py_ssize_t rows)
{
    if (groups < 0 || members < 0 || rows > INT32_MAX || groups > INT32_MAX || members > INT32_MAX
        || !are_below(group, rows, groups) || !are_below(member, rows, members))
        Py_RETURN_NONE;
    PyObject *lengths = PyBytes_FromStringAndSize(NULL, groups * (Py_ssize_t)sizeof(int32_t));
    PyObject *numbers = PyBytes_FromStringAndSize(NULL, rows * (Py_ssize_t)sizeof(int64_t));
    uint32_t *sorted = ordered_pairs(group, groups, member, members, rows);
    Py_ssize_t found = -1;
    if (lengths != NULL && numbers != NULL && sorted != NULL) {
        memset(PyBytes_AS_STRING(lengths), 0, (size_t)groups * sizeof(int32_t));
        int32_t *length = (int32_t *)PyBytes_AS_STRING(lengths);
        found = distinct(group, sorted, rows, member, length, (int64_t *)PyBytes_AS_STRING(numbers));
    }
    PyMem_RawFree(sorted);
    if (found >= 0 && _PyBytes_Resize(&numbers, found * (Py_ssize_t)sizeof(int64_t)) == 0)
        return Py_BuildValue("(NN)", lengths, numbers);
    Py_XDECREF(lengths);
    Py_XDECREF(numbers);
    if (PyErr_Occurred())
        return NULL;
    return PyErr_NoMemory();
}

static PyObject *distinct_pairs(PyObject *self, PyObject *arguments)
{
    (void)self;
    Py_buffer group, member;
    Py_ssize_t groups, members;
    if (!PyArg_ParseTuple(arguments, "y*ny*n", &group, &groups, &member, &members))
        return NULL;
    PyObject *result = Py_None;
    if (group.len == member.len)
        result = pairs_of(group.buf, groups, member.buf, members, group.len / (Py_ssize_t)sizeof(int64_t));
    else
        Py_INCREF(result);
    PyBuffer_Release(&group);
    PyBuffer_Release(&member);
    return result;
}

static PyMethodDef methods[] = {
    {"distinct_pairs", distinct_pairs, METH_VARARGS,
     "distinct_pairs(groups, group_count, members, member_count) -> (lengths, members) | None"},
    {"row_sums", row_sums, METH_VARARGS, "row_sums(offsets, numbers) -> sums | None"},
    {"sum_lists", sum_lists, METH_VARARGS,
     "sum_lists(cells, cell_count, offsets, starts, counts) -> (lengths, starts, counts) | None"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_sums", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__sums(void)
{
    return PyModule_Create(&module);
}
