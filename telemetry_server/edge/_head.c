/*
 * The compiled reading of plain submits: of a head, and of a request that arrived whole.  It is optional:
 * `fast_head.py` and `whole_request.py` are its only callers and have the same in Python, which is the reference.
 * For anything that is not plain, or not complete, it returns None, and the caller asks the reference:
 * nothing here refuses a request.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "../../storage/raw/_stamp.h"

#define MAX_HEAD_BYTES 4096
#define MAX_FIELDS 128 /* with more the reference reads the head */
#define MAX_NAME_BYTES 64

typedef const unsigned char *Text;

enum Kind { OTHER, KEPT, ODD, HOST, LENGTH, CONNECTION, ORIGIN, FORWARDED_FOR };

static const struct {
    const char *name;
    enum Kind kind;
} known[] = {
    {"host", HOST},
    {"content-length", LENGTH},
    {"connection", CONNECTION},
    {"origin", ORIGIN},
    {"x-forwarded-for", FORWARDED_FOR},
    {"content-encoding", KEPT},
    {"date", KEPT},
    {"dnt", KEPT},
    {"user-agent", KEPT},
    {"x-debug-id", KEPT},
    {"x-foxsec-ip-reputation", KEPT},
    {"x-lb-tags", KEPT},
    {"x-pingsender-version", KEPT},
    {"x-pipeline-proxy", KEPT},
    {"x-source-tags", KEPT},
    {"x-telemetry-agent", KEPT},
    {"expect", ODD},
    {"http2-settings", ODD},
    {"proxy-connection", ODD},
    {"te", ODD},
    {"trailer", ODD},
    {"transfer-encoding", ODD},
    {"upgrade", ODD},
    {"sec-websocket-key1", ODD},
};
#define KNOWN (sizeof known / sizeof *known)

/* What each byte may be part of; and its lower case in the name of a header. */
#define IN_PATH 1
#define IN_QUERY 2
#define IN_NAME 4
static unsigned char part_of[256], lower[256];
static size_t name_bytes[KNOWN];

typedef struct {
    unsigned char name[MAX_NAME_BYTES]; /* in lower case */
    size_t name_bytes;
    Text value;
    size_t value_bytes;
    enum Kind kind;
} Field;

typedef struct {
    Text path, query, end; /* of what follows the head */
    size_t path_bytes, query_bytes;
    int is_put;
    Field fields[MAX_FIELDS];
    int count;
    const Field *host, *length, *connection, *origin, *forwarded_for;
} Head;

static enum Kind kind_of(const Field *field)
{
    for (size_t number = 0; number < KNOWN; number++)
        if (name_bytes[number] == field->name_bytes && !memcmp(known[number].name, field->name, field->name_bytes))
            return known[number].kind;
    return OTHER;
}

static int is_printable(unsigned char byte) { return byte >= ' ' && byte <= '~'; }

static int is_text(const Field *field, const char *text)
{
    size_t length = strlen(text);
    if (field->value_bytes != length)
        return 0;
    for (size_t place = 0; place < length; place++) {
        unsigned char byte = field->value[place];
        if ((byte >= 'A' && byte <= 'Z' ? byte + 32 : byte) != (unsigned char)text[place])
            return 0;
    }
    return 1;
}

/* Reads "POST /submit/... HTTP/1.1\r\n"; returns what follows, or NULL. */
static Text read_line(Head *head, Text text, Text end)
{
    static const char protocol[] = " HTTP/1.1\r\n", folder[] = "/submit/";
    if (end - text < (int)(sizeof "PUT /submit/x HTTP/1.1\r\n" - 1))
        return NULL;
    if (!memcmp(text, "POST ", 5))
        text += 5;
    else if (!memcmp(text, "PUT ", 4)) {
        text += 4;
        head->is_put = 1;
    } else
        return NULL;
    head->path = text;
    if ((size_t)(end - text) < sizeof folder - 1 || memcmp(text, folder, sizeof folder - 1))
        return NULL;
    text += sizeof folder - 1;
    Text begin = text;
    while (text < end && part_of[*text] & IN_PATH)
        text++;
    if (text == begin)
        return NULL;
    head->path_bytes = (size_t)(text - head->path);
    head->query = text;
    if (text < end && *text == '?') {
        head->query = ++text;
        while (text < end && part_of[*text] & IN_QUERY)
            text++;
        head->query_bytes = (size_t)(text - head->query);
    }
    if ((size_t)(end - text) < sizeof protocol - 1 || memcmp(text, protocol, sizeof protocol - 1))
        return NULL;
    return text + sizeof protocol - 1;
}

/* Reads "Name: value\r\n" into the next field; returns what follows, or NULL. */
static Text read_field(Head *head, Text text, Text end)
{
    if (head->count == MAX_FIELDS)
        return NULL;
    Field *field = &head->fields[head->count];
    size_t length = 0;
    while (text < end && length < MAX_NAME_BYTES && part_of[*text] & IN_NAME)
        field->name[length++] = lower[*text++];
    if (!length || end - text < 2 || text[0] != ':' || text[1] != ' ')
        return NULL;
    field->name_bytes = length;
    field->value = text += 2;
    while (text < end && is_printable(*text))
        text++;
    field->value_bytes = (size_t)(text - field->value);
    if (!field->value_bytes || field->value[0] == ' ' || text[-1] == ' ')
        return NULL;
    if (end - text < 2 || text[0] != '\r' || text[1] != '\n')
        return NULL;
    field->kind = kind_of(field);
    for (int number = 0; number < head->count; number++)
        if (head->fields[number].name_bytes == length && !memcmp(head->fields[number].name, field->name, length))
            return NULL;
    head->count++;
    return text + 2;
}

static int take_field(Head *head, const Field *field)
{
    switch (field->kind) {
    case ODD:
        return -1;
    case HOST:
        head->host = field;
        break;
    case LENGTH:
        if (field->value_bytes > 15)
            return -1;
        for (size_t place = 0; place < field->value_bytes; place++)
            if (field->value[place] < '0' || field->value[place] > '9')
                return -1;
        head->length = field;
        break;
    case CONNECTION:
        if (!is_text(field, "close") && !is_text(field, "keep-alive"))
            return -1;
        head->connection = field;
        break;
    case ORIGIN:
        head->origin = field;
        break;
    case FORWARDED_FOR:
        head->forwarded_for = field;
        break;
    default:
        break;
    }
    return 0;
}

static int is_kept(const Field *field) { return field->kind == KEPT || field->kind == LENGTH; }

/* Returns 0 for the head of a plain submit, else -1. */
static int read_head(Head *head, Text text, Text whole_end, Py_ssize_t max_headers, Py_ssize_t max_target_bytes,
                     Py_ssize_t max_kept_bytes)
{
    Text begin = text, end = whole_end;
    if (end - text > MAX_HEAD_BYTES + 4)
        end = text + MAX_HEAD_BYTES + 4;
    text = read_line(head, text, end);
    while (text != NULL && !(end - text >= 2 && text[0] == '\r' && text[1] == '\n'))
        text = text < end ? read_field(head, text, end) : NULL;
    if (text == NULL || head->count > max_headers)
        return -1;
    head->end = text + 2;
    for (int number = 0; number < head->count; number++)
        if (take_field(head, &head->fields[number]))
            return -1;
    if (head->host == NULL || head->length == NULL ||
        (Py_ssize_t)(head->path_bytes + head->query_bytes + 1) > max_target_bytes)
        return -1;
    if (text - 2 - begin > max_kept_bytes)
        for (int number = 0; number < head->count; number++) {
            const Field *field = &head->fields[number];
            if ((is_kept(field) || field->kind == HOST || field->kind == FORWARDED_FOR) &&
                (Py_ssize_t)field->value_bytes > max_kept_bytes)
                return -1;
        }
    return 0;
}

/* ---- the rest of the header of the record: JSON as `header_json` writes it, behind the moment */

typedef struct {
    char text[STAMP_BYTES + 2 * MAX_HEAD_BYTES + 1024];
    size_t length;
} Json;

static void put(Json *json, const char *text, size_t length)
{
    memcpy(json->text + json->length, text, length);
    json->length += length;
}

#define PUT(json, literal) put(json, literal, sizeof literal - 1)

static void put_string(Json *json, Text text, size_t length)
{
    json->text[json->length++] = '"';
    for (size_t place = 0; place < length; place++) {
        if (text[place] == '"' || text[place] == '\\')
            json->text[json->length++] = '\\';
        json->text[json->length++] = (char)text[place];
    }
    json->text[json->length++] = '"';
}

static void put_head(Json *json, const Head *head)
{
    PUT(json, ",\"path\":");
    put_string(json, head->path, head->path_bytes);
    PUT(json, ",\"query\":");
    put_string(json, head->query, head->query_bytes);
    if (head->is_put)
        PUT(json, ",\"method\":\"PUT\",\"protocol\":\"HTTP/1.1\",\"host\":");
    else
        PUT(json, ",\"method\":\"POST\",\"protocol\":\"HTTP/1.1\",\"host\":");
    put_string(json, head->host->value, head->host->value_bytes);
    PUT(json, ",\"headers\":{");
    int is_first = 1;
    for (int number = 0; number < head->count; number++) {
        const Field *field = &head->fields[number];
        if (!is_kept(field))
            continue;
        if (!is_first)
            PUT(json, ",");
        is_first = 0;
        put_string(json, field->name, field->name_bytes);
        PUT(json, ":");
        put_string(json, field->value, field->value_bytes);
    }
    PUT(json, "}}");
}

static PyObject *text_of(Text text, size_t length)
{
    PyObject *made = PyUnicode_New((Py_ssize_t)length, 127);
    if (made != NULL)
        memcpy(PyUnicode_1BYTE_DATA(made), text, length);
    return made;
}

/* Returns 0 for the head of a plain submit, else -1. */
static int begin(Head *head, PyObject *received, const Py_ssize_t limits[3])
{
    Text text = (Text)PyBytes_AS_STRING(received);
    head->is_put = head->count = 0;
    head->query_bytes = 0;
    head->host = head->length = head->connection = head->origin = head->forwarded_for = NULL;
    return read_head(head, text, text + PyBytes_GET_SIZE(received), limits[0], limits[1], limits[2]);
}

static long long announced_bytes(const Head *head)
{
    long long number = 0;
    for (size_t place = 0; place < head->length->value_bytes; place++)
        number = 10 * number + (head->length->value[place] - '0');
    return number;
}

static int is_last(const Head *head) { return head->connection != NULL && is_text(head->connection, "close"); }

static PyObject *head(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 4 || !PyBytes_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "head() takes bytes and three limits");
        return NULL;
    }
    Py_ssize_t limits[3];
    for (int number = 0; number < 3; number++) {
        limits[number] = PyLong_AsSsize_t(arguments[number + 1]);
        if (limits[number] == -1 && PyErr_Occurred())
            return NULL;
    }
    Head head;
    if (begin(&head, arguments[0], limits))
        Py_RETURN_NONE;
    PyObject *forwarded_for = Py_NewRef(Py_None);
    if (head.forwarded_for != NULL)
        Py_SETREF(forwarded_for, text_of(head.forwarded_for->value, head.forwarded_for->value_bytes));
    Json json;
    json.length = 0;
    put_head(&json, &head);
    return Py_BuildValue("nNLOONN", (Py_ssize_t)(head.end - (Text)PyBytes_AS_STRING(arguments[0])),
                         text_of(head.path, head.path_bytes), announced_bytes(&head), is_last(&head) ? Py_True : Py_False,
                         head.origin != NULL ? Py_True : Py_False, forwarded_for,
                         PyBytes_FromStringAndSize(json.text, (Py_ssize_t)json.length));
}

/* ---- a request that arrived whole, in one piece, becomes a record */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    Py_ssize_t limits[3]; /* headers, bytes of a target, of a kept header */
    long long max_body_bytes;
    PyObject *clock, *record_type; /* no clock: that of the system */
    PyObject *day, *namespace;     /* of the request before: nearly always the same again */
    char stamp[STAMP_BYTES];       /* of the request before */
    time_t second;                 /* of that stamp, with the system's clock */
} Reader;

/* Returns the namespace of the path; NULL without an error if it needs decoding. */
static PyObject *namespace_of(Reader *reader, const Head *head)
{
    Text begin = head->path + (sizeof "/submit/" - 1), end = head->path + head->path_bytes;
    Text slash = memchr(begin, '/', (size_t)(end - begin));
    size_t length = (size_t)((slash == NULL ? end : slash) - begin);
    PyObject *known = reader->namespace;
    if (known != NULL && (size_t)PyUnicode_GET_LENGTH(known) == length &&
        !memcmp(PyUnicode_1BYTE_DATA(known), begin, length))
        return Py_NewRef(known);
    if (memchr(begin, '%', length) != NULL)
        return NULL;
    PyObject *made = text_of(begin, length);
    Py_XSETREF(reader->namespace, Py_XNewRef(made));
    return made;
}

/* Remembers the day; returns 0, or -1 after an error. */
static int note_day(Reader *reader, int year, int month, int day)
{
    PyObject *known = reader->day;
    if (known == NULL || PyDateTime_GET_DAY(known) != day || PyDateTime_GET_MONTH(known) != month ||
        PyDateTime_GET_YEAR(known) != year) {
        PyObject *made = PyDate_FromDate(year, month, day);
        if (made == NULL)
            return -1;
        Py_XSETREF(reader->day, made);
    }
    return 0;
}

/* Notes the day and the stamp of now.  A datetime costs as much as the rest of a record, so none is made. */
static int note_system_time(Reader *reader)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    int microsecond = (int)(now.tv_nsec / 1000);
    if (reader->day != NULL && now.tv_sec == reader->second) {
        digits(reader->stamp + MICROSECOND_PLACE, microsecond, 6);
        return 0;
    }
    if (gmtime_r(&now.tv_sec, &utc) == NULL) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    put_stamp_of(reader->stamp, utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                 microsecond);
    reader->second = now.tv_sec;
    return note_day(reader, utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

/* Notes the day and the stamp of the clock's time; returns 1 if that is not in UTC, -1 after an error. */
static int note_time(Reader *reader)
{
    if (reader->clock == Py_None)
        return note_system_time(reader);
    PyObject *moment = PyObject_CallNoArgs(reader->clock);
    if (moment == NULL)
        return -1;
    int result = 1;
    if (PyDateTime_Check(moment) && PyDateTime_DATE_GET_TZINFO(moment) == PyDateTime_TimeZone_UTC) {
        put_stamp(reader->stamp, moment);
        result = note_day(reader, PyDateTime_GET_YEAR(moment), PyDateTime_GET_MONTH(moment), PyDateTime_GET_DAY(moment));
    }
    Py_DECREF(moment);
    return result;
}

/* Returns a RawRecord: a named tuple of a day, a header, a text and where the body starts in it. */
static PyObject *record_of(Reader *reader, const Head *head, PyObject *received)
{
    PyTypeObject *type = (PyTypeObject *)reader->record_type;
    PyObject *record = type->tp_alloc(type, 4);
    if (record == NULL)
        return NULL;
    Json json;
    json.length = 0;
    put(&json, reader->stamp, STAMP_BYTES);
    put_head(&json, head);
    PyTuple_SET_ITEM(record, 0, Py_NewRef(reader->day));
    PyTuple_SET_ITEM(record, 1, PyBytes_FromStringAndSize(json.text, (Py_ssize_t)json.length));
    PyTuple_SET_ITEM(record, 2, Py_NewRef(received));
    PyTuple_SET_ITEM(record, 3, PyLong_FromSsize_t(head->end - (Text)PyBytes_AS_STRING(received)));
    if (PyErr_Occurred())
        Py_CLEAR(record);
    return record;
}

static PyObject *read_whole(PyObject *self, PyObject *const *arguments, size_t count, PyObject *Py_UNUSED(names))
{
    Reader *reader = (Reader *)self;
    if (PyVectorcall_NARGS(count) != 1 || !PyBytes_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "a reader takes bytes");
        return NULL;
    }
    PyObject *received = arguments[0];
    Text end = (Text)PyBytes_AS_STRING(received) + PyBytes_GET_SIZE(received);
    Head head;
    if (begin(&head, received, reader->limits) || head.origin != NULL)
        Py_RETURN_NONE;
    long long body_bytes = announced_bytes(&head);
    if (body_bytes > reader->max_body_bytes || body_bytes != end - head.end)
        Py_RETURN_NONE;
    PyObject *namespace = namespace_of(reader, &head);
    if (namespace == NULL) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    int is_odd = note_time(reader);
    if (is_odd) {
        Py_DECREF(namespace);
        if (is_odd < 0)
            return NULL;
        Py_RETURN_NONE;
    }
    PyObject *whole = PyTuple_New(4);
    if (whole != NULL) {
        PyTuple_SET_ITEM(whole, 0, record_of(reader, &head, received));
        PyTuple_SET_ITEM(whole, 1, Py_NewRef(namespace));
        PyTuple_SET_ITEM(whole, 2, PyLong_FromLongLong(body_bytes));
        PyTuple_SET_ITEM(whole, 3, PyBool_FromLong(is_last(&head)));
    }
    Py_DECREF(namespace);
    if (whole != NULL && PyErr_Occurred())
        Py_CLEAR(whole);
    return whole;
}

static PyObject *new_reader(PyTypeObject *type, PyObject *arguments, PyObject *Py_UNUSED(names))
{
    Py_ssize_t limits[3];
    long long max_body_bytes;
    PyObject *clock, *record_type;
    if (!PyArg_ParseTuple(arguments, "(nnn)LOO!", &limits[0], &limits[1], &limits[2], &max_body_bytes, &clock,
                          &PyType_Type, &record_type))
        return NULL;
    if (!PyType_IsSubtype((PyTypeObject *)record_type, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "a record is a tuple");
        return NULL;
    }
    Reader *reader = (Reader *)type->tp_alloc(type, 0);
    if (reader == NULL)
        return NULL;
    reader->call = read_whole;
    memcpy(reader->limits, limits, sizeof limits);
    reader->max_body_bytes = max_body_bytes;
    reader->clock = Py_NewRef(clock);
    reader->record_type = Py_NewRef(record_type);
    return (PyObject *)reader;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Reader *reader = (Reader *)self;
    Py_VISIT(reader->clock);
    Py_VISIT(reader->record_type);
    return 0;
}

static int clear(PyObject *self)
{
    Reader *reader = (Reader *)self;
    Py_CLEAR(reader->clock);
    Py_CLEAR(reader->record_type);
    Py_CLEAR(reader->day);
    Py_CLEAR(reader->namespace);
    return 0;
}

static void deallocate(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject reader_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "telemetry_server.edge._head.Reader",
    .tp_doc = "Reads plain submits that arrived whole: three limits of a head, most bytes of a body, clock, type of a record.",
    .tp_basicsize = sizeof(Reader),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Reader, call),
    .tp_call = PyVectorcall_Call,
    .tp_new = new_reader,
    .tp_traverse = traverse,
    .tp_clear = clear,
    .tp_dealloc = deallocate,
};

static PyMethodDef methods[] = {
    {"head", (PyCFunction)(void (*)(void))head, METH_FASTCALL,
     "Return the parts of the head of a plain submit; None if the text does not begin with one."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_head", .m_size = 0, .m_methods = methods};

static void allow(const char *bytes, unsigned char part)
{
    for (; *bytes; bytes++)
        part_of[(unsigned char)*bytes] |= part;
}

PyMODINIT_FUNC PyInit__head(void)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    allow(letters, IN_PATH | IN_QUERY | IN_NAME);
    allow("/._~+=&%:@,;!$'()*-", IN_PATH | IN_QUERY);
    allow("?", IN_QUERY);
    allow("-", IN_NAME);
    for (int byte = 0; byte < 256; byte++)
        lower[byte] = (unsigned char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
    for (size_t number = 0; number < KNOWN; number++)
        name_bytes[number] = strlen(known[number].name);
    PyDateTime_IMPORT;
    if (PyDateTimeAPI == NULL)
        return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddType(made, &reader_type))
        Py_CLEAR(made);
    return made;
}
