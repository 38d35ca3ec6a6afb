/*
 * Reads the fields that a record has in the table `pings`, straight into its columns.  It is optional:
 * `PingCollector` is its only caller, and without it `records/fields.py` finds the same, slower.
 *
 * It reads the decoded record, and accepts what clients send in the usual form.  For any other record it
 * returns None before it has given anything a number, and the caller uses the plain way.
 */

#define PY_SSIZE_T_CLEAN
#include "_numbers.h"

#include <string.h>

#define NO_WORD (-1)
#define NO_SAMPLE (-1)
#define ID_BYTES 16
#define ID_CHARACTERS 36
#define STAMP_CHARACTERS 27 /* 2026-11-29T10:00:00.000000Z */
#define SAMPLES 100

/* Names of members, in the order of `member_texts`. */
enum {
    METADATA, NAMESPACE, DOCTYPE, DOCVERSION, DOCUMENT_ID, SUBMISSION_TIMESTAMP, HEADER, X_SOURCE_TAGS, GEO, COUNTRY,
    CLIENT_INFO, CLIENT_ID, SESSION_ID, PING_INFO, EXPERIMENTS, BRANCH,
    APP_CHANNEL, APP_DISPLAY_VERSION, APP_VERSION, APP_BUILD, OS, OS_VERSION, ARCHITECTURE,
    /* Of Firefox. */
    PAYLOAD, INFO, ENVIRONMENT, SYSTEM, APPLICATION, NAME, CHANNEL, VERSION, BUILD_ID,
    INFO_NAME, INFO_CHANNEL, INFO_VERSION, INFO_BUILD_ID, INFO_OS, INFO_ARCHITECTURE,
    REASON, REVISION, INFO_SESSION_ID, INFO_SUBSESSION_ID, INFO_COUNTER, FIREFOX_CLIENT_ID, FLAT_CLIENT_ID,
    MEMBERS
};
static const char *const member_texts[MEMBERS] = {
    "metadata", "namespace", "doctype", "docversion", "document_id", "submission_timestamp", "header", "x_source_tags",
    "geo", "country", "client_info", "client_id", "session_id", "ping_info", "experiments", "branch",
    "app_channel", "app_display_version", "app_version", "app_build", "os", "os_version", "architecture",
    "payload", "info", "environment", "system", "application", "name", "channel", "version", "buildId",
    "appName", "appUpdateChannel", "appVersion", "appBuildID", "OS", "arch",
    "reason", "revision", "sessionId", "subsessionId", "profileSubsessionCounter", "clientId", "clientID",
};
static PyObject *members[MEMBERS], *get;

/* The texts of a ping, in the order of `PING_TEXTS`. */
enum {
    AT_NAMESPACE, AT_DOCTYPE, AT_DOCVERSION, AT_APPLICATION, AT_CHANNEL, AT_VERSION, AT_BUILD_ID,
    AT_OS, AT_OS_VERSION, AT_ARCHITECTURE, AT_REASON, AT_REVISION, AT_SESSION_ID, AT_SUBSESSION_ID,
    AT_SOURCE_TAGS, AT_COUNTRY, TEXTS
};

typedef struct {
    PyObject *texts[TEXTS]; /* borrowed; NULL for a text that the ping does not have */
    PyObject *cut_version;  /* owned: the version of Linux, where it was cut */
    PyObject *experiments;  /* owned: a tuple of pairs */
    PyObject *counter;      /* borrowed: the number of the profile's subsession, or None */
    unsigned char document_id[ID_BYTES], client_id[ID_BYTES];
    int64_t timestamp;
    int32_t sample;
} Fields;

/* The member of an object; NULL where it has none or null, or with an exception. */
static PyObject *member(PyObject *object, int name)
{
    if (object == NULL || PyErr_Occurred())
        return NULL;
    PyObject *found = PyDict_GetItemWithError(object, members[name]);
    if (found != NULL && PyBytes_CheckExact(found) && !PyDict_CheckExact(object)) {
        /* Text that `OpenedObject` decodes and keeps. */
        found = PyObject_CallMethodOneArg(object, get, members[name]);
        Py_XDECREF(found);
    }
    return found == Py_None ? NULL : found;
}

/* Find an object that may be absent, as an empty one is; 0 where something else is there. */
static int find_object(PyObject *parent, int name, PyObject **found)
{
    PyObject *object = member(parent, name);
    *found = NULL;
    if (object == NULL)
        return 1;
    if (!PyDict_Check(object))
        return 0;
    if (PyDict_GET_SIZE(object))
        *found = object;
    return 1;
}

/* Find a text that may be absent, as an empty one is; 0 where something else is there. */
static int find_text(PyObject *parent, int name, PyObject **found)
{
    PyObject *text = member(parent, name);
    *found = NULL;
    if (text == NULL)
        return 1;
    if (!PyUnicode_CheckExact(text))
        return 0;
    if (PyUnicode_GET_LENGTH(text))
        *found = text;
    return 1;
}

static int is_ascii(PyObject *text, Py_ssize_t length)
{
    return text != NULL && PyUnicode_CheckExact(text) && PyUnicode_IS_COMPACT_ASCII(text) &&
           PyUnicode_GET_LENGTH(text) == length;
}

/* ---- ids */

static int digit_of(unsigned char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    character |= 0x20;
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* Read a UUID with hyphens, in either case; 0 for any other text. */
static int read_id(PyObject *text, unsigned char *id)
{
    if (!is_ascii(text, ID_CHARACTERS))
        return 0;
    const unsigned char *at = PyUnicode_1BYTE_DATA(text);
    for (int i = 0, byte = 0; i < ID_CHARACTERS;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (at[i++] != '-')
                return 0;
            continue;
        }
        int high = digit_of(at[i]), low = digit_of(at[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        id[byte++] = (unsigned char)(high << 4 | low);
        i += 2;
    }
    return 1;
}

/* CRC-32 of the lower-case text of an id. */
static uint32_t checksum_of(PyObject *id)
{
    static const uint32_t of_half[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const unsigned char *at = PyUnicode_1BYTE_DATA(id);
    uint32_t sum = UINT32_MAX;
    for (int i = 0; i < ID_CHARACTERS; i++) {
        /* Sets the bit of lower case; digits and hyphens have it anyway. */
        sum ^= at[i] | 0x20;
        sum = sum >> 4 ^ of_half[sum & 15];
        sum = sum >> 4 ^ of_half[sum & 15];
    }
    return ~sum;
}

/* The first of the members that name a client counts. */
static int read_client(Fields *fields, PyObject *record, PyObject *client)
{
    static const int names[] = {CLIENT_ID, FIREFOX_CLIENT_ID, FLAT_CLIENT_ID};
    PyObject *id = member(client, CLIENT_ID);
    for (size_t i = 0; id == NULL && i < sizeof names / sizeof *names; i++)
        id = member(record, names[i]);
    fields->sample = NO_SAMPLE;
    if (id == NULL)
        return 1;
    if (!read_id(id, fields->client_id))
        return 0;
    fields->sample = (int32_t)(checksum_of(id) % SAMPLES);
    return 1;
}

/* Whether a text that may be absent is the text of a UUID in lower case, as the table has it. */
static int is_id_text(PyObject *text)
{
    unsigned char id[ID_BYTES];
    if (text == NULL)
        return 1;
    if (!read_id(text, id))
        return 0;
    const unsigned char *at = PyUnicode_1BYTE_DATA(text);
    for (int i = 0; i < ID_CHARACTERS; i++)
        if (at[i] >= 'A' && at[i] <= 'F')
            return 0;
    return 1;
}

/* Find the ids and the number of a session, which *info* has for Firefox. */
static int read_session(Fields *fields, PyObject *info, PyObject *client)
{
    PyObject **texts = fields->texts, *counter = member(info, INFO_COUNTER);
    int is_long = 0;
    fields->counter = Py_None;
    if (counter != NULL && PyLong_CheckExact(counter)) {
        PyLong_AsLongLongAndOverflow(counter, &is_long);
        if (!is_long)
            fields->counter = counter;
    }
    return find_text(info, INFO_SESSION_ID, &texts[AT_SESSION_ID]) &&
           (texts[AT_SESSION_ID] != NULL || find_text(client, SESSION_ID, &texts[AT_SESSION_ID])) &&
           find_text(info, INFO_SUBSESSION_ID, &texts[AT_SUBSESSION_ID]) && is_id_text(texts[AT_SESSION_ID]) &&
           is_id_text(texts[AT_SUBSESSION_ID]);
}

/* ---- time */

/* Read `count` digits; -1 for anything else. */
static int number_at(const unsigned char *at, int count)
{
    int number = 0;
    for (; count; count--, at++) {
        if (*at < '0' || *at > '9')
            return -1;
        number = number * 10 + *at - '0';
    }
    return number;
}

static int64_t days_before(int year, int month, int day)
{
    static const int before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t past = year - 1;
    int is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return past * 365 + past / 4 - past / 100 + past / 400 + before[month - 1] + (is_leap && month > 2) + day - 1;
}

/* Read a time as our records have it, as microseconds since 1970; 0 for any other text. */
static int read_timestamp(PyObject *text, int64_t *timestamp)
{
    if (!is_ascii(text, STAMP_CHARACTERS))
        return 0;
    const unsigned char *at = PyUnicode_1BYTE_DATA(text);
    if (at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':' || at[16] != ':' || at[19] != '.' || at[26] != 'Z')
        return 0;
    int year = number_at(at, 4), month = number_at(at + 5, 2), day = number_at(at + 8, 2);
    int hour = number_at(at + 11, 2), minute = number_at(at + 14, 2), second = number_at(at + 17, 2);
    int microsecond = number_at(at + 20, 6);
    /* Days that only some months have are left to the plain way, which knows the calendar. */
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 59 || microsecond < 0)
        return 0;
    int is_long = month != 4 && month != 6 && month != 9 && month != 11;
    if (day > 28 && (month == 2 || (day == 31 && !is_long)))
        return 0;
    int64_t days = days_before(year, month, day) - days_before(1970, 1, 1);
    *timestamp = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000 + microsecond;
    return 1;
}

/* ---- texts */

/* Find a text in one of two places. */
static int find_either(PyObject *first, int name, PyObject *second, int other_name, PyObject **found)
{
    return find_text(first, name, found) && (*found != NULL || find_text(second, other_name, found));
}

/* Cut the version of Linux at its second dot; 0 with an exception. */
static int cut_version(Fields *fields)
{
    PyObject *version = fields->texts[AT_OS_VERSION];
    Py_ssize_t length = PyUnicode_GET_LENGTH(version);
    Py_ssize_t dot = PyUnicode_FindChar(version, '.', 0, length, 1);
    dot = dot < 0 ? dot : PyUnicode_FindChar(version, '.', dot + 1, length, 1);
    if (dot < 0)
        return dot == -1;
    fields->texts[AT_OS_VERSION] = fields->cut_version = PyUnicode_Substring(version, 0, dot);
    return fields->cut_version != NULL;
}

/* Find the dimensions of a Glean ping, or of a product that has these fields at the top level. */
static int find_dimensions(PyObject **texts, PyObject *record, PyObject *client)
{
    texts[AT_APPLICATION] = texts[AT_NAMESPACE];
    return find_either(client, APP_CHANNEL, record, APP_CHANNEL, &texts[AT_CHANNEL]) &&
           find_either(client, APP_DISPLAY_VERSION, record, APP_VERSION, &texts[AT_VERSION]) &&
           find_either(client, APP_BUILD, record, APP_BUILD, &texts[AT_BUILD_ID]) &&
           find_either(client, OS, record, OS, &texts[AT_OS]) &&
           find_either(client, OS_VERSION, record, OS_VERSION, &texts[AT_OS_VERSION]) &&
           find_either(client, ARCHITECTURE, record, ARCHITECTURE, &texts[AT_ARCHITECTURE]);
}

/* Find the dimensions of a Firefox ping; 0 also where only its path names one. */
static int find_firefox_dimensions(PyObject **texts, PyObject *record, PyObject *info, PyObject *environment)
{
    PyObject *application, *system, *os;
    if (!find_object(record, APPLICATION, &application) || !find_object(environment, SYSTEM, &system) ||
        !find_object(system, OS, &os))
        return 0;
    int is_found =
        application == NULL
            ? find_text(info, INFO_NAME, &texts[AT_APPLICATION]) && find_text(info, INFO_CHANNEL, &texts[AT_CHANNEL]) &&
                  find_text(info, INFO_VERSION, &texts[AT_VERSION]) &&
                  find_text(info, INFO_BUILD_ID, &texts[AT_BUILD_ID]) && find_text(info, INFO_OS, &texts[AT_OS]) &&
                  find_text(info, VERSION, &texts[AT_OS_VERSION]) &&
                  find_text(info, INFO_ARCHITECTURE, &texts[AT_ARCHITECTURE])
            : find_text(application, NAME, &texts[AT_APPLICATION]) &&
                  find_text(application, CHANNEL, &texts[AT_CHANNEL]) &&
                  find_text(application, VERSION, &texts[AT_VERSION]) &&
                  find_text(application, BUILD_ID, &texts[AT_BUILD_ID]) &&
                  find_either(os, NAME, info, INFO_OS, &texts[AT_OS]) &&
                  find_either(os, VERSION, info, VERSION, &texts[AT_OS_VERSION]) &&
                  find_text(application, ARCHITECTURE, &texts[AT_ARCHITECTURE]);
    return is_found && texts[AT_APPLICATION] != NULL && texts[AT_CHANNEL] != NULL && texts[AT_VERSION] != NULL &&
           texts[AT_BUILD_ID] != NULL;
}

/* Use our name of the operating system, and less of its version; 0 with an exception. */
static int name_system(Fields *fields, PyObject *os_names)
{
    PyObject **texts = fields->texts;
    if (texts[AT_OS] == NULL)
        return 1;
    PyObject *name = PyDict_GetItemWithError(os_names, texts[AT_OS]);
    if (name != NULL)
        texts[AT_OS] = name;
    if (texts[AT_OS_VERSION] != NULL && PyUnicode_CompareWithASCIIString(texts[AT_OS], "Linux") == 0)
        return cut_version(fields);
    return !PyErr_Occurred();
}

/* Make the pairs of experiment and branch; 0 if they are unusual, or with an exception. */
static int read_experiments(Fields *fields, PyObject *record, PyObject *environment)
{
    PyObject *info, *found, *slug, *experiment;
    Py_ssize_t at = 0, place = 0;
    if (!find_object(environment, EXPERIMENTS, &found) || (found != NULL && !PyDict_CheckExact(found)))
        return 0;
    if (found == NULL && (!find_object(record, PING_INFO, &info) || !find_object(info, EXPERIMENTS, &found) ||
                          (found != NULL && !PyDict_CheckExact(found))))
        return 0;
    fields->experiments = PyTuple_New(found == NULL ? 0 : PyDict_GET_SIZE(found));
    if (fields->experiments == NULL)
        return 0;
    while (found != NULL && PyDict_Next(found, &at, &slug, &experiment)) {
        PyObject *branch;
        if (!PyDict_CheckExact(experiment) || !find_text(experiment, BRANCH, &branch))
            return 0;
        PyObject *pair = PyTuple_Pack(2, slug, branch == NULL ? Py_None : branch);
        if (pair == NULL)
            return 0;
        PyTuple_SET_ITEM(fields->experiments, place++, pair);
    }
    return 1;
}

/* ---- a ping */

/* Read all fields; 0 if the record is unusual, or with an exception. */
static int read_fields(Fields *fields, PyObject *record, PyObject *os_names)
{
    PyObject **texts = fields->texts, *metadata, *header, *geo, *client, *info, *payload, *own, *environment;
    if (!find_object(record, METADATA, &metadata) || metadata == NULL || !find_object(metadata, HEADER, &header) ||
        !find_object(metadata, GEO, &geo) || !find_object(record, CLIENT_INFO, &client) ||
        !find_object(record, INFO, &info) || !find_object(record, PAYLOAD, &payload) ||
        !find_object(payload, INFO, &own) || !find_object(record, ENVIRONMENT, &environment))
        return 0;
    if (!find_text(metadata, NAMESPACE, &texts[AT_NAMESPACE]) || !find_text(metadata, DOCTYPE, &texts[AT_DOCTYPE]) ||
        texts[AT_NAMESPACE] == NULL || texts[AT_DOCTYPE] == NULL ||
        !find_text(metadata, DOCVERSION, &texts[AT_DOCVERSION]) ||
        !find_text(header, X_SOURCE_TAGS, &texts[AT_SOURCE_TAGS]) || !find_text(geo, COUNTRY, &texts[AT_COUNTRY]))
        return 0;
    int is_firefox = PyUnicode_CompareWithASCIIString(texts[AT_NAMESPACE], "telemetry") == 0;
    if (!(is_firefox ? find_firefox_dimensions(texts, record, info, environment)
                     : find_dimensions(texts, record, client)))
        return 0;
    if (own == NULL)
        own = info;
    if (!find_text(info, REASON, &texts[AT_REASON]) || !find_text(own, REVISION, &texts[AT_REVISION]))
        return 0;
    if (texts[AT_REASON] == NULL)
        texts[AT_REASON] = texts[AT_DOCTYPE];
    return read_id(member(metadata, DOCUMENT_ID), fields->document_id) &&
           read_timestamp(member(metadata, SUBMISSION_TIMESTAMP), &fields->timestamp) &&
           read_client(fields, record, client) && read_session(fields, own, client) &&
           name_system(fields, os_names) && read_experiments(fields, record, environment) && !PyErr_Occurred();
}

/* Give the texts and the experiments their numbers, and return all columns. */
static PyObject *columns_of(const Fields *fields, PyObject *words, PyObject *experiment_sets)
{
    int32_t numbers[TEXTS];
    for (int i = 0; i < TEXTS; i++) {
        int64_t number = fields->texts[i] == NULL ? NO_WORD : number_of(words, fields->texts[i]);
        if (number < 0 && fields->texts[i] != NULL)
            return NULL;
        numbers[i] = (int32_t)number;
    }
    int64_t experiments = number_of(experiment_sets, fields->experiments);
    if (experiments < 0)
        return NULL;
    int32_t set = (int32_t)experiments;
    return Py_BuildValue("y#y#y#y#y#y#O", (const char *)fields->document_id, (Py_ssize_t)ID_BYTES,
                         (const char *)fields->client_id, (Py_ssize_t)ID_BYTES, (const char *)&fields->timestamp,
                         (Py_ssize_t)sizeof fields->timestamp, (const char *)&fields->sample,
                         (Py_ssize_t)sizeof fields->sample, (const char *)numbers, (Py_ssize_t)sizeof numbers,
                         (const char *)&set, (Py_ssize_t)sizeof set, fields->counter);
}

static PyObject *fields(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    (void)self;
    if (count != 4 || !PyDict_Check(arguments[1]) || !PyDict_Check(arguments[2]) || !PyDict_Check(arguments[3])) {
        PyErr_SetString(PyExc_TypeError, "a record and three dicts are wanted");
        return NULL;
    }
    Fields found = {0};
    PyObject *result = NULL;
    if (PyDict_Check(arguments[0]) && read_fields(&found, arguments[0], arguments[3]))
        result = columns_of(&found, arguments[1], arguments[2]);
    else if (!PyErr_Occurred())
        result = Py_NewRef(Py_None);
    Py_XDECREF(found.cut_version);
    Py_XDECREF(found.experiments);
    return result;
}

static PyMethodDef methods[] = {
    {"fields", (PyCFunction)(void (*)(void))fields, METH_FASTCALL,
     "fields(record, words, experiment_sets, os_names)"
     " -> (document_id, client_id, timestamp, sample_id, texts, experiments, subsession_counter) | None"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fields", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__fields(void)
{
    for (int i = 0; i < MEMBERS; i++)
        if (members[i] == NULL && (members[i] = PyUnicode_InternFromString(member_texts[i])) == NULL)
            return NULL;
    if (get == NULL && (get = PyUnicode_InternFromString("get")) == NULL)
        return NULL;
    return PyModule_Create(&module);
}
