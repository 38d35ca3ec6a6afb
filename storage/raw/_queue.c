/*
 * The compiled addition of a submission to those that wait for the next commit.  It is optional:
 * `submission_queue.py` is its only caller and has the same in Python, which is the reference.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>

static PyObject *name_refuse;

typedef struct {
    PyObject_HEAD
    PyObject *records, *waiters, *on_enough;
    Py_ssize_t max_submissions, max_bytes, overhead_bytes, max_record_bytes; /* limits of what waits, and of one record */
    Py_ssize_t size_bytes, enough_submissions, enough_bytes;
    char is_open;
} Queue;

static PyMemberDef members[] = {
    {"_records", T_OBJECT_EX, offsetof(Queue, records), 0, NULL},
    {"_waiters", T_OBJECT_EX, offsetof(Queue, waiters), 0, NULL},
    {"size_bytes", T_PYSSIZET, offsetof(Queue, size_bytes), 0, NULL},
    {"enough_submissions", T_PYSSIZET, offsetof(Queue, enough_submissions), 0, NULL},
    {"enough_bytes", T_PYSSIZET, offsetof(Queue, enough_bytes), 0, NULL},
    {"is_open", T_BOOL, offsetof(Queue, is_open), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* Returns the bytes that a record counts for, or -1 after an error. */
static Py_ssize_t counted_bytes(const Queue *queue, PyObject *record)
{
    if (!PyTuple_Check(record) || PyTuple_GET_SIZE(record) != 4 || !PyBytes_Check(PyTuple_GET_ITEM(record, 2)) ||
        !PyLong_Check(PyTuple_GET_ITEM(record, 3))) {
        PyErr_SetString(PyExc_TypeError, "a record is a day, a header, a text and where the body starts in it");
        return -1;
    }
    Py_ssize_t start = PyLong_AsSsize_t(PyTuple_GET_ITEM(record, 3));
    if (start == -1 && PyErr_Occurred())
        return -1;
    return PyBytes_GET_SIZE(PyTuple_GET_ITEM(record, 2)) - start + queue->overhead_bytes;
}

static PyObject *add(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    Queue *queue = (Queue *)self;
    if (count != 2 || queue->records == NULL || !PyList_Check(queue->records) || queue->waiters == NULL ||
        !PyList_Check(queue->waiters)) {
        PyErr_SetString(PyExc_TypeError, "a queue takes a record and its waiter");
        return NULL;
    }
    Py_ssize_t size = counted_bytes(queue, arguments[0]), waiting = PyList_GET_SIZE(queue->records);
    if (size == -1 && PyErr_Occurred())
        return NULL;
    if (!queue->is_open || size > queue->max_record_bytes ||
        (waiting && (waiting >= queue->max_submissions || queue->size_bytes + size > queue->max_bytes)))
        return PyObject_CallMethodOneArg(self, name_refuse, arguments[0]);
    if (PyList_Append(queue->records, arguments[0]))
        return NULL;
    if (PyList_Append(queue->waiters, arguments[1])) {
        PyList_SetSlice(queue->records, waiting, waiting + 1, NULL);
        return NULL;
    }
    queue->size_bytes += size;
    if (waiting + 1 < queue->enough_submissions && queue->size_bytes < queue->enough_bytes)
        Py_RETURN_NONE;
    return PyObject_CallNoArgs(queue->on_enough);
}

static int init(PyObject *self, PyObject *arguments, PyObject *Py_UNUSED(names))
{
    Queue *queue = (Queue *)self;
    PyObject *on_enough;
    if (!PyArg_ParseTuple(arguments, "Onnnn", &on_enough, &queue->max_submissions, &queue->max_bytes,
                          &queue->max_record_bytes, &queue->overhead_bytes))
        return -1;
    Py_XSETREF(queue->on_enough, Py_NewRef(on_enough));
    Py_XSETREF(queue->records, PyList_New(0));
    Py_XSETREF(queue->waiters, PyList_New(0));
    queue->is_open = 1;
    queue->enough_submissions = queue->enough_bytes = 1;
    return queue->records == NULL || queue->waiters == NULL ? -1 : 0;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Queue *queue = (Queue *)self;
    Py_VISIT(queue->records);
    Py_VISIT(queue->waiters);
    Py_VISIT(queue->on_enough);
    return 0;
}

static int clear(PyObject *self)
{
    Queue *queue = (Queue *)self;
    Py_CLEAR(queue->records);
    Py_CLEAR(queue->waiters);
    Py_CLEAR(queue->on_enough);
    return 0;
}

static void deallocate(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef methods[] = {
    {"add", (PyCFunction)(void (*)(void))add, METH_FASTCALL, "Append a record; _refuse one that may not wait."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject queue_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "storage.raw._queue.Queue",
    .tp_doc = "Records and their waiters, bounded in number and in bytes.",
    .tp_basicsize = sizeof(Queue),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_members = members,
    .tp_methods = methods,
    .tp_new = PyType_GenericNew,
    .tp_init = init,
    .tp_traverse = traverse,
    .tp_clear = clear,
    .tp_dealloc = deallocate,
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_queue", .m_size = 0};

PyMODINIT_FUNC PyInit__queue(void)
{
    name_refuse = PyUnicode_InternFromString("_refuse");
    PyObject *made = name_refuse == NULL ? NULL : PyModule_Create(&module);
    if (made != NULL && PyModule_AddType(made, &queue_type))
        Py_CLEAR(made);
    return made;
}
