/*
 * The compiled part of a connection of the fast path: what runs for every submission that arrives whole.  It is
 * optional: `submit_connection.py` is its only caller and has the same in Python, which is the reference.
 * Every unusual case is a call of a method in Python: `_receive` for input, `_answer` for a result.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>

static PyObject *storage_error, *name_receive, *name_answer, *name_wait_until, *name_write;

/* ---- counts of a worker, which both HTTP paths change */

typedef struct {
    PyObject_HEAD
    Py_ssize_t held_bytes, max_bytes;
} Memory;

static PyMemberDef memory_members[] = {
    {"held_bytes", T_PYSSIZET, offsetof(Memory, held_bytes), 0, NULL},
    {"max_bytes", T_PYSSIZET, offsetof(Memory, max_bytes), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject memory_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "telemetry_server.edge._connection.Memory",
    .tp_doc = "The bytes that a worker holds for its clients, and their limit.",
    .tp_basicsize = sizeof(Memory),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_members = memory_members,
    .tp_new = PyType_GenericNew,
};

typedef struct {
    PyObject_HEAD
    Py_ssize_t active_requests;
    char is_draining;
} Activity;

static PyMemberDef activity_members[] = {
    {"active_requests", T_PYSSIZET, offsetof(Activity, active_requests), 0, NULL},
    {"is_draining", T_BOOL, offsetof(Activity, is_draining), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject activity_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "telemetry_server.edge._connection.Activity",
    .tp_doc = "The requests that a worker is answering, and whether it ends.",
    .tp_basicsize = sizeof(Activity),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_members = activity_members,
    .tp_new = PyType_GenericNew,
};

/* ---- what the connections of a worker share */

typedef struct {
    PyObject_HEAD
    Memory *memory;
    Activity *activity;
    PyObject *read_whole, *take, *time, *stored_namespaces, *kept;
    double kept_until, keepalive_seconds;
    Py_ssize_t max_requests;
} Lane;

static PyMemberDef lane_members[] = {
    {"memory", T_OBJECT_EX, offsetof(Lane, memory), READONLY, NULL},
    {"activity", T_OBJECT_EX, offsetof(Lane, activity), READONLY, NULL},
    {"read_whole", T_OBJECT_EX, offsetof(Lane, read_whole), READONLY, NULL},
    {"take", T_OBJECT_EX, offsetof(Lane, take), READONLY, NULL},
    {"time", T_OBJECT_EX, offsetof(Lane, time), READONLY, NULL},
    {"stored_namespaces", T_OBJECT_EX, offsetof(Lane, stored_namespaces), READONLY, NULL},
    {"kept", T_OBJECT_EX, offsetof(Lane, kept), 0, NULL},
    {"kept_until", T_DOUBLE, offsetof(Lane, kept_until), 0, NULL},
    {"keepalive_seconds", T_DOUBLE, offsetof(Lane, keepalive_seconds), 0, NULL},
    {"max_requests", T_PYSSIZET, offsetof(Lane, max_requests), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static int init_lane(PyObject *self, PyObject *arguments, PyObject *Py_UNUSED(names))
{
    Lane *lane = (Lane *)self;
    PyObject *memory, *activity, *parts[4];
    if (!PyArg_ParseTuple(arguments, "(O!O!)OOOO", &memory_type, &memory, &activity_type, &activity, &parts[0], &parts[1],
                          &parts[2], &parts[3]))
        return -1;
    if (lane->memory != NULL || !PyList_Check(parts[3])) {
        PyErr_SetString(PyExc_TypeError, "a lane begins once, with a list of namespaces");
        return -1;
    }
    lane->memory = (Memory *)Py_NewRef(memory);
    lane->activity = (Activity *)Py_NewRef(activity);
    lane->read_whole = Py_NewRef(parts[0]);
    lane->take = Py_NewRef(parts[1]);
    lane->time = Py_NewRef(parts[2]);
    lane->stored_namespaces = Py_NewRef(parts[3]);
    lane->kept = PyBytes_FromStringAndSize(NULL, 0);
    return lane->kept == NULL ? -1 : 0;
}

static int traverse_lane(PyObject *self, visitproc visit, void *arg)
{
    Lane *lane = (Lane *)self;
    Py_VISIT(lane->memory);
    Py_VISIT(lane->activity);
    Py_VISIT(lane->read_whole);
    Py_VISIT(lane->take);
    Py_VISIT(lane->time);
    Py_VISIT(lane->stored_namespaces);
    return 0;
}

static int clear_lane(PyObject *self)
{
    Lane *lane = (Lane *)self;
    Py_CLEAR(lane->memory);
    Py_CLEAR(lane->activity);
    Py_CLEAR(lane->read_whole);
    Py_CLEAR(lane->take);
    Py_CLEAR(lane->time);
    Py_CLEAR(lane->stored_namespaces);
    Py_CLEAR(lane->kept);
    return 0;
}

static void end_lane(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    clear_lane(self);
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject lane_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "telemetry_server.edge._connection.Lane",
    .tp_doc = "What the connections of a worker share.",
    .tp_basicsize = sizeof(Lane),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_members = lane_members,
    .tp_new = PyType_GenericNew,
    .tp_init = init_lane,
    .tp_traverse = traverse_lane,
    .tp_clear = clear_lane,
    .tp_dealloc = end_lane,
};

/* ---- a connection */

typedef struct {
    PyObject_HEAD
    Lane *lane;
    PyObject *transport, *pending, *request, *timer, *namespace;
    double timer_at, deadline;
    Py_ssize_t kept_bytes, answered;
    char is_over, is_paused, is_choked, is_waiting, is_last, is_half_closed, is_head_late_at_deadline;
} Connection;

static PyMemberDef connection_members[] = {
    {"_fast_path", T_OBJECT_EX, offsetof(Connection, lane), READONLY, NULL},
    {"_transport", T_OBJECT_EX, offsetof(Connection, transport), 0, NULL},
    {"_pending", T_OBJECT_EX, offsetof(Connection, pending), 0, NULL},
    {"_request", T_OBJECT_EX, offsetof(Connection, request), 0, NULL},
    {"_timer", T_OBJECT_EX, offsetof(Connection, timer), 0, NULL},
    {"_timer_at", T_DOUBLE, offsetof(Connection, timer_at), 0, NULL},
    {"_deadline", T_DOUBLE, offsetof(Connection, deadline), 0, NULL},
    {"_namespace", T_OBJECT, offsetof(Connection, namespace), 0, NULL},
    {"_kept_bytes", T_PYSSIZET, offsetof(Connection, kept_bytes), 0, NULL},
    {"_answered", T_PYSSIZET, offsetof(Connection, answered), 0, NULL},
    {"_is_over", T_BOOL, offsetof(Connection, is_over), 0, NULL},
    {"_is_paused", T_BOOL, offsetof(Connection, is_paused), 0, NULL},
    {"_is_choked", T_BOOL, offsetof(Connection, is_choked), 0, NULL},
    {"_is_waiting", T_BOOL, offsetof(Connection, is_waiting), 0, NULL},
    {"_is_last", T_BOOL, offsetof(Connection, is_last), 0, NULL},
    {"_is_half_closed", T_BOOL, offsetof(Connection, is_half_closed), 0, NULL},
    {"_is_head_late_at_deadline", T_BOOL, offsetof(Connection, is_head_late_at_deadline), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static int init_connection(PyObject *self, PyObject *arguments, PyObject *Py_UNUSED(names))
{
    Connection *connection = (Connection *)self;
    PyObject *lane;
    if (!PyArg_ParseTuple(arguments, "O!", &lane_type, &lane))
        return -1;
    if (connection->lane != NULL || ((Lane *)lane)->memory == NULL) {
        PyErr_SetString(PyExc_TypeError, "a connection begins once, on a lane that has begun");
        return -1;
    }
    connection->lane = (Lane *)Py_NewRef(lane);
    connection->transport = Py_NewRef(Py_None);
    connection->request = Py_NewRef(Py_None);
    connection->timer = Py_NewRef(Py_None);
    connection->namespace = PyUnicode_FromStringAndSize(NULL, 0);
    connection->pending = PyBytes_FromStringAndSize(NULL, 0);
    connection->is_head_late_at_deadline = 1;
    return connection->namespace == NULL || connection->pending == NULL ? -1 : 0;
}

static int is_none(PyObject *object) { return object == NULL || object == Py_None; }

static int is_empty(PyObject *text) { return text != NULL && PyBytes_Check(text) && !PyBytes_GET_SIZE(text); }

/* Queues the bytes for the disk if they are exactly one plain submit that is admitted; returns whether, -1 after an error. */
static int keep_whole(Connection *connection, PyObject *received)
{
    Lane *lane = connection->lane;
    Memory *memory = lane->memory;
    PyObject *whole = PyObject_CallOneArg(lane->read_whole, received);
    if (whole == NULL)
        return -1;
    int result = 0;
    if (whole == Py_None)
        goto end;
    result = -1;
    if (!PyTuple_Check(whole) || PyTuple_GET_SIZE(whole) != 4) {
        PyErr_SetString(PyExc_TypeError, "a whole request has four parts");
        goto end;
    }
    Py_ssize_t body_bytes = PyLong_AsSsize_t(PyTuple_GET_ITEM(whole, 2));
    if (body_bytes == -1 && PyErr_Occurred())
        goto end;
    result = 0;
    if (lane->activity->is_draining || memory->held_bytes + body_bytes > memory->max_bytes)
        goto end;
    PyObject *arguments[] = {NULL, PyTuple_GET_ITEM(whole, 0), (PyObject *)connection};
    PyObject *taken = PyObject_Vectorcall(lane->take, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    if (taken == NULL) {
        if (PyErr_ExceptionMatches(storage_error))
            PyErr_Clear();
        else
            result = -1;
        goto end;
    }
    Py_DECREF(taken);
    memory->held_bytes += body_bytes;
    lane->activity->active_requests++;
    connection->is_waiting = 1;
    Py_XSETREF(connection->namespace, Py_NewRef(PyTuple_GET_ITEM(whole, 1)));
    connection->kept_bytes = body_bytes;
    connection->is_last = PyTuple_GET_ITEM(whole, 3) == Py_True;
    result = 1;
end:
    Py_DECREF(whole);
    return result;
}

static int has_begun(Connection *connection)
{
    if (connection->lane != NULL)
        return 1;
    PyErr_SetString(PyExc_TypeError, "this connection has not begun");
    return 0;
}

static PyObject *data_received(PyObject *self, PyObject *data)
{
    Connection *connection = (Connection *)self;
    if (!has_begun(connection))
        return NULL;
    if (connection->is_over)
        Py_RETURN_NONE;
    if (!connection->is_waiting && !connection->is_choked && is_none(connection->request) &&
        is_empty(connection->pending)) {
        int is_kept = keep_whole(connection, data);
        if (is_kept < 0)
            return NULL;
        if (is_kept)
            Py_RETURN_NONE;
    }
    return PyObject_CallMethodOneArg(self, name_receive, data);
}

/* Returns 0, or -1 after an error. */
static int write_kept(Connection *connection)
{
    PyObject *transport = Py_NewRef(connection->transport), *kept = Py_NewRef(connection->lane->kept);
    PyObject *written = PyObject_CallMethodOneArg(transport, name_write, kept);
    Py_DECREF(kept);
    Py_DECREF(transport);
    Py_XDECREF(written);
    return written == NULL ? -1 : 0;
}

static PyObject *finish(PyObject *self, PyObject *error)
{
    Connection *connection = (Connection *)self;
    if (!has_begun(connection))
        return NULL;
    Lane *lane = connection->lane;
    connection->is_waiting = 0;
    lane->activity->active_requests--;
    lane->memory->held_bytes -= connection->kept_bytes;
    if (error == Py_None && PyList_Append(lane->stored_namespaces, connection->namespace))
        return NULL;
    PyObject *time = PyObject_CallNoArgs(lane->time);
    if (time == NULL)
        return NULL;
    double now = PyFloat_AsDouble(time);
    Py_DECREF(time);
    if (now == -1.0 && PyErr_Occurred())
        return NULL;
    if (error != Py_None || is_none(connection->transport) || lane->kept == NULL || connection->is_over || connection->is_last ||
        connection->is_half_closed || connection->is_paused || !is_empty(connection->pending) ||
        connection->answered + 1 >= lane->max_requests || lane->activity->is_draining || now >= lane->kept_until)
        return PyObject_CallMethodOneArg(self, name_answer, error);
    connection->answered++;
    if (write_kept(connection))
        return NULL;
    connection->is_head_late_at_deadline = 0;
    connection->deadline = now + lane->keepalive_seconds;
    if (!is_none(connection->timer) && connection->timer_at <= connection->deadline)
        Py_RETURN_NONE;
    PyObject *deadline = PyFloat_FromDouble(connection->deadline);
    if (deadline == NULL)
        return NULL;
    PyObject *result = PyObject_CallMethodOneArg(self, name_wait_until, deadline);
    Py_DECREF(deadline);
    return result;
}

static int traverse_connection(PyObject *self, visitproc visit, void *arg)
{
    Connection *connection = (Connection *)self;
    Py_VISIT(connection->lane);
    Py_VISIT(connection->transport);
    Py_VISIT(connection->pending);
    Py_VISIT(connection->request);
    Py_VISIT(connection->timer);
    Py_VISIT(connection->namespace);
    return 0;
}

static int clear_connection(PyObject *self)
{
    Connection *connection = (Connection *)self;
    Py_CLEAR(connection->lane);
    Py_CLEAR(connection->transport);
    Py_CLEAR(connection->pending);
    Py_CLEAR(connection->request);
    Py_CLEAR(connection->timer);
    Py_CLEAR(connection->namespace);
    return 0;
}

static void end_connection(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    clear_connection(self);
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef connection_methods[] = {
    {"data_received", data_received, METH_O, "Queue one whole plain submit; _receive anything else."},
    {"finish", finish, METH_O, "Answer a submission that is on disk; _answer an unusual one."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject connection_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "telemetry_server.edge._connection.Connection",
    .tp_doc = "What runs for every submission that arrives whole.",
    .tp_basicsize = sizeof(Connection),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_members = connection_members,
    .tp_methods = connection_methods,
    .tp_new = PyType_GenericNew,
    .tp_init = init_connection,
    .tp_traverse = traverse_connection,
    .tp_clear = clear_connection,
    .tp_dealloc = end_connection,
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_connection", .m_size = 0};

PyMODINIT_FUNC PyInit__connection(void)
{
    PyObject *errors = PyImport_ImportModule("storage.errors");
    if (errors == NULL)
        return NULL;
    Py_XSETREF(storage_error, PyObject_GetAttrString(errors, "StorageError"));
    Py_DECREF(errors);
    name_receive = PyUnicode_InternFromString("_receive");
    name_answer = PyUnicode_InternFromString("_answer");
    name_wait_until = PyUnicode_InternFromString("_wait_until");
    name_write = PyUnicode_InternFromString("write");
    PyObject *made = PyErr_Occurred() ? NULL : PyModule_Create(&module);
    if (made != NULL && (PyModule_AddType(made, &memory_type) || PyModule_AddType(made, &activity_type) ||
                         PyModule_AddType(made, &lane_type) || PyModule_AddType(made, &connection_type)))
        Py_CLEAR(made);
    return made;
}
