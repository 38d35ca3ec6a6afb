/*
 * The hand-over between the event loop and the thread of a raw writer, and the usual commits.  It is optional:
 * `handover.py` is its only caller and has the same in Python, which is the reference.
 *
 * The thread frames, writes and syncs a usual commit without the interpreter's lock.  Usual is one of a single day
 * that goes to the open segment of a real disk with enough space.  Every other commit, and every error, is a call of
 * a method in Python.
 *
 * A large batch is written in whole pages and without the page cache (O_DIRECT), where the file system can do that:
 * the kernel spends much of a commit on the pages of its cache.  No page of such a batch holds anything that was
 * written before: a reader could have that page in the cache, with zeros in place of the batch.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <datetime.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "_frames.h"

#define MAX_VECTORS 1024 /* of one call of writev, on Linux */
#define MIN_DIRECT_BYTES (64 << 10) /* less gains nothing, and filling its last page would cost space */
#define MAX_DIRECT_BYTES (8 << 20)  /* a batch is copied; only one of a single large body is larger */
#define MIB ((size_t)1 << 20)
#define MAX_KEPT_BYTES (5 * MIB) /* a larger copy is rare, and is not kept */

static PyObject *name_place, *name_advance, *name_commit, *name_fail;

/* A job, or a commit and later its result. */
typedef struct Work {
    struct Work *next;
    PyObject *what;   /* what is called, or the records */
    PyObject *result; /* from Python; NULL: the three numbers are the result */
    Py_ssize_t count, size_bytes;
    uint64_t written_bytes;
    double seconds;
    size_t text_bytes; /* the most that the frames need without the bodies */
    int day;           /* of all records; 0 for those that Python commits */
    char is_commit;
    struct iovec parts[]; /* header and body of each record, and the end */
} Work;

typedef struct {
    Work *first, *last;
} Line;

/* Where usual commits go; Python gives it after everything that it did in the thread. */
typedef struct {
    int descriptor, direct; /* the second one writes without the page cache; -1: there is none */
    int day;                /* 0: there are none */
    unsigned char prefix[8];
    unsigned long long length_bytes, submissions, max_bytes; /* of the segment */
    double until;
    Py_ssize_t room_bytes;
} Place;

typedef struct {
    PyObject_HEAD
    PyObject *wake, *made;
    pthread_mutex_t lock; /* of the next three; held for a moment only, never while waiting for the interpreter's lock */
    Line works, results;
    char is_waiting; /* the event loop, for a result */
    sem_t new_work, new_result; /* conditions would need two more system calls for each commit */
    char has_begun;
    Place place; /* this and the next belong to the thread */
    Py_ssize_t new_submissions, new_size_bytes; /* in usual commits that Python does not know yet */
    unsigned long long new_bytes;
    unsigned char *pages; /* a copy of the batch, for direct writes; it is kept unless it is very large */
    size_t pages_bytes;
} Handover;

static void append(Line *line, Work *work)
{
    work->next = NULL;
    if (line->first == NULL)
        line->first = work;
    else
        line->last->next = work;
    line->last = work;
}

static Work *take(Line *line)
{
    Work *work = line->first;
    if (work != NULL)
        line->first = work->next;
    return work;
}

static void end_work(Work *work)
{
    Py_XDECREF(work->what);
    Py_XDECREF(work->result);
    PyMem_RawFree(work);
}

static double seconds_of(struct timespec time) { return (double)time.tv_sec + (double)time.tv_nsec / 1e9; }

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return seconds_of(time);
}

/* ---- on the event loop */

static PyObject *put_work(Handover *handover, Work *work)
{
    pthread_mutex_lock(&handover->lock);
    append(&handover->works, work);
    pthread_mutex_unlock(&handover->lock);
    sem_post(&handover->new_work);
    Py_RETURN_NONE;
}

static int has_begun(Handover *handover)
{
    if (!handover->has_begun)
        PyErr_SetString(PyExc_TypeError, "this hand-over has not begun");
    return handover->has_begun;
}

static Work *new_work(PyObject *what, Py_ssize_t count)
{
    size_t parts = count ? 2 * (size_t)count + 1 : 0;
    Work *work = PyMem_RawCalloc(1, sizeof(Work) + parts * sizeof(struct iovec));
    if (work == NULL)
        return (Work *)PyErr_NoMemory();
    work->what = Py_NewRef(what);
    work->count = count;
    return work;
}

static PyObject *put_job(PyObject *self, PyObject *job)
{
    Handover *handover = (Handover *)self;
    Work *work = has_begun(handover) ? new_work(job, 0) : NULL;
    return work == NULL ? NULL : put_work(handover, work);
}

/* A number for each day; 0 for what is none. */
static int number_of(PyObject *day)
{
    if (!PyDate_Check(day))
        return 0;
    return PyDateTime_GET_YEAR(day) * 10000 + PyDateTime_GET_MONTH(day) * 100 + PyDateTime_GET_DAY(day);
}

/* Notes where the parts of the records are, and their day if that is the same. */
static int read_parts(Work *work, PyObject *records)
{
    int day = 0;
    work->text_bytes = 7 + HEAD_BYTES + PAGE_BYTES + TAIL_BYTES;
    for (Py_ssize_t number = 0; number < work->count; number++) {
        Record record;
        if (read_record(&record, records, number))
            return -1;
        int its_day = number_of(PyTuple_GET_ITEM(PyList_GET_ITEM(records, number), 0));
        if (number && its_day != day)
            return 0;
        day = its_day;
        work->parts[2 * number].iov_base = PyBytes_AS_STRING(record.header);
        work->parts[2 * number].iov_len = (size_t)record.header_bytes;
        work->parts[2 * number + 1].iov_base = PyBytes_AS_STRING(record.text) + record.start;
        work->parts[2 * number + 1].iov_len = (size_t)record.body_bytes;
        work->text_bytes += 7 + HEAD_BYTES + (size_t)record.header_bytes + TAIL_BYTES;
    }
    work->day = day;
    return 0;
}

static PyObject *begin(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    Handover *handover = (Handover *)self;
    if (!has_begun(handover))
        return NULL;
    if (count != 2 || !PyList_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "begin() takes a list of records and their size");
        return NULL;
    }
    Py_ssize_t size = PyLong_AsSsize_t(arguments[1]);
    if (size == -1 && PyErr_Occurred())
        return NULL;
    Work *work = new_work(arguments[0], PyList_GET_SIZE(arguments[0]));
    if (work == NULL)
        return NULL;
    work->is_commit = 1;
    work->size_bytes = size;
    if (read_parts(work, arguments[0]))
        PyErr_Clear(); /* `commit` raises it again, in the thread */
    return put_work(handover, work);
}

/* Takes a result; if there is none, waits at most some seconds for one. */
static Work *wait_for_result(Handover *handover, double seconds)
{
    pthread_mutex_lock(&handover->lock);
    Work *done = take(&handover->results);
    int waits = handover->is_waiting = done == NULL && seconds > 0;
    pthread_mutex_unlock(&handover->lock);
    if (!waits)
        return done;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(seconds * 1e9);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    Py_BEGIN_ALLOW_THREADS
    /* Also a signal ends it, or the post of a result that an earlier wait took as its time was over. */
    sem_clockwait(&handover->new_result, CLOCK_MONOTONIC, &until);
    pthread_mutex_lock(&handover->lock);
    handover->is_waiting = 0;
    done = take(&handover->results);
    pthread_mutex_unlock(&handover->lock);
    Py_END_ALLOW_THREADS
    return done;
}

static PyObject *wait_seconds(PyObject *self, PyObject *argument)
{
    Handover *handover = (Handover *)self;
    double seconds = PyFloat_AsDouble(argument);
    if ((seconds == -1.0 && PyErr_Occurred()) || !has_begun(handover))
        return NULL;
    if (!(seconds >= 0 && seconds < 1)) {
        PyErr_SetString(PyExc_ValueError, "the loop waits for less than a second");
        return NULL;
    }
    Work *done = wait_for_result(handover, seconds);
    if (done == NULL)
        Py_RETURN_NONE;
    PyObject *result = done->result != NULL ? Py_NewRef(done->result)
                                            : PyObject_CallFunction(handover->made, "nKd", done->count,
                                                                    (unsigned long long)done->written_bytes, done->seconds);
    end_work(done);
    return result;
}

/* ---- in the thread, without the interpreter's lock */

/*
 * Makes vectors of the frames, whose text goes to *place*; returns the length of the segment after them.
 * The batch ends with a page if it *fills* one.
 */
static uint64_t frame(Work *work, const Place *at, int fills, unsigned char *place)
{
    uint64_t offset = at->length_bytes, sequence = at->submissions;
    unsigned char *first = place;
    for (Py_ssize_t number = 0; number < work->count; number++) {
        struct iovec *header = &work->parts[2 * number], *body = header + 1;
        uint32_t sum = crc32c(crc32c(0, header->iov_base, header->iov_len), body->iov_base, body->iov_len);
        place = put_submission_head(place, at->prefix, offset, header->iov_len, body->iov_base, body->iov_len, ++sequence);
        offset = end_of(offset, header->iov_len, body->iov_len);
        memcpy(place, header->iov_base, header->iov_len);
        place += header->iov_len;
        *header = (struct iovec){first, (size_t)(place - first)};
        first = place;
        place = put(place, sum, TAIL_BYTES);
    }
    size_t zeros = fills ? zeros_to_page(offset) : 0;
    place = put_batch_commit(place, at->prefix, offset, zeros, sequence);
    work->parts[2 * work->count] = (struct iovec){first, (size_t)(place - first)};
    return end_of(offset, 0, zeros);
}

/* Writes the vectors, directly if asked to and possible.  Returns 0, or the number of the error. */
static int write_all(Place *place, int is_direct, struct iovec *parts, Py_ssize_t count)
{
    while (count) {
        int direct = is_direct ? place->direct : -1;
        ssize_t written = writev(direct < 0 ? place->descriptor : direct, parts, count < MAX_VECTORS ? (int)count : MAX_VECTORS);
        if (written < 0 && direct >= 0 && (errno == EINVAL || errno == EOPNOTSUPP))
            place->direct = -1; /* the disk has larger blocks, or a write ended within a block */
        else if (written < 0 && errno != EINTR)
            return errno;
        else if (written == 0)
            return EIO;
        for (written = written < 0 ? 0 : written; count && (size_t)written >= parts->iov_len; parts++, count--)
            written -= (ssize_t)parts->iov_len;
        if (count && written) {
            parts->iov_base = (char *)parts->iov_base + written;
            parts->iov_len -= (size_t)written;
        }
    }
    return 0;
}

/* Fills the last page with a mark, so that the next batch begins a new one.  Returns 0, or the number of the error. */
static int fill_page(Place *place)
{
    unsigned char mark[7 + HEAD_BYTES + PAGE_BYTES + TAIL_BYTES];
    if (place->length_bytes % PAGE_BYTES == 0)
        return 0;
    size_t zeros = zeros_to_page(place->length_bytes);
    unsigned char *end = put_batch_commit(mark, place->prefix, place->length_bytes, zeros, place->submissions);
    struct iovec part = {mark, (size_t)(end - mark)};
    place->length_bytes += part.iov_len;
    return write_all(place, 0, &part, 1);
}

static void free_pages(Handover *handover)
{
    free(handover->pages);
    handover->pages = NULL;
    handover->pages_bytes = 0;
}

/* Copies the vectors to pages; returns NULL without memory. */
static unsigned char *in_pages(Handover *handover, const Work *work, size_t bytes)
{
    if (handover->pages_bytes < bytes) {
        free_pages(handover);
        size_t room = (bytes + MIB - 1) & ~(MIB - 1);
        handover->pages = aligned_alloc(PAGE_BYTES, room);
        if (handover->pages == NULL)
            return NULL;
        handover->pages_bytes = room;
    }
    unsigned char *place = handover->pages;
    for (Py_ssize_t number = 0; number <= 2 * work->count; number++) {
        memcpy(place, work->parts[number].iov_base, work->parts[number].iov_len);
        place += work->parts[number].iov_len;
    }
    return handover->pages;
}

/* Writes the batch.  Returns 0, or the number of the error. */
static int write_batch(Handover *handover, Work *work)
{
    Place *place = &handover->place;
    int is_direct = place->direct >= 0 && work->size_bytes >= MIN_DIRECT_BYTES && work->size_bytes <= MAX_DIRECT_BYTES;
    int error = is_direct ? fill_page(place) : 0;
    unsigned char *text = error ? NULL : PyMem_RawMalloc(work->text_bytes);
    if (text == NULL)
        return error ? error : ENOMEM;
    uint64_t end = frame(work, place, is_direct, text);
    size_t bytes = (size_t)(end - place->length_bytes);
    struct iovec whole = {is_direct ? in_pages(handover, work, bytes) : NULL, bytes};
    int is_copied = whole.iov_base != NULL;
    error = write_all(place, is_copied, is_copied ? &whole : work->parts, is_copied ? 1 : 2 * work->count + 1);
    PyMem_RawFree(text);
    if (handover->pages_bytes > MAX_KEPT_BYTES)
        free_pages(handover);
    place->length_bytes = end;
    return error;
}

static int is_usual(const Work *work, const Place *place)
{
    return work->is_commit && work->day && work->day == place->day && place->length_bytes < place->max_bytes &&
           work->size_bytes <= place->room_bytes && now() < place->until;
}

/* Returns 0, or the number of the error of the write; that of the sync is negative. */
static int commit_usual(Handover *handover, Work *work)
{
    Place *place = &handover->place;
    double began = now();
    unsigned long long before = place->length_bytes;
    int error = write_batch(handover, work);
    if (error)
        return error;
    while (fdatasync(place->descriptor))
        if (errno != EINTR)
            return -errno;
    work->written_bytes = place->length_bytes - before;
    handover->new_bytes += work->written_bytes;
    handover->new_submissions += work->count;
    handover->new_size_bytes += work->size_bytes;
    place->submissions += (unsigned long long)work->count;
    place->room_bytes -= work->size_bytes;
    work->seconds = now() - began;
    return 0;
}

/* Hands over a result; returns whether the loop must be woken up, because it does not wait. */
static int put_result(Handover *handover, Work *work)
{
    pthread_mutex_lock(&handover->lock);
    append(&handover->results, work);
    int waited = handover->is_waiting;
    handover->is_waiting = 0;
    pthread_mutex_unlock(&handover->lock);
    if (waited)
        sem_post(&handover->new_result);
    return !waited;
}

/* Does usual commits until Python is needed.  Returns the next work, with its error, or NULL to wake the loop up. */
static Work *next_unusual(Handover *handover, int *error)
{
    *error = 0;
    for (;;) {
        while (sem_wait(&handover->new_work))
            ; /* a signal */
        pthread_mutex_lock(&handover->lock);
        Work *work = take(&handover->works);
        pthread_mutex_unlock(&handover->lock);
        if (!is_usual(work, &handover->place) || (*error = commit_usual(handover, work)))
            return work;
        if (put_result(handover, work))
            return NULL;
    }
}

/* ---- in the thread, with the interpreter's lock */

/* Tells Python what the usual commits wrote; returns -1 after an error. */
static int advance(Handover *handover)
{
    if (!handover->new_submissions)
        return 0;
    PyObject *submissions = PyLong_FromSsize_t(handover->new_submissions);
    PyObject *written = PyLong_FromUnsignedLongLong(handover->new_bytes);
    PyObject *size = PyLong_FromSsize_t(handover->new_size_bytes), *done = NULL;
    if (submissions != NULL && written != NULL && size != NULL)
        done = PyObject_CallMethodObjArgs((PyObject *)handover, name_advance, submissions, written, size, NULL);
    Py_XDECREF(submissions);
    Py_XDECREF(written);
    Py_XDECREF(size);
    Py_XDECREF(done);
    handover->new_submissions = handover->new_size_bytes = 0;
    handover->new_bytes = 0;
    return done == NULL ? -1 : 0;
}

/* Asks Python where usual commits go; returns -1 after an error. */
static int ask_for_place(Handover *handover)
{
    Place *place = &handover->place;
    place->day = 0;
    PyObject *given = PyObject_CallMethodNoArgs((PyObject *)handover, name_place), *day;
    if (given == NULL || given == Py_None) {
        Py_XDECREF(given);
        return given == NULL ? -1 : 0;
    }
    const char *prefix;
    Py_ssize_t prefix_bytes;
    int failed = 1;
    if (!PyTuple_Check(given))
        PyErr_SetString(PyExc_TypeError, "a place is a tuple");
    else if (PyArg_ParseTuple(given, "iiOy#KKKdn", &place->descriptor, &place->direct, &day, &prefix, &prefix_bytes, &place->length_bytes,
                              &place->submissions, &place->max_bytes, &place->until, &place->room_bytes)) {
        failed = prefix_bytes != 8;
        if (failed)
            PyErr_SetString(PyExc_ValueError, "the prefix of a record has 8 bytes");
        else {
            memcpy(place->prefix, prefix, 8);
            place->day = number_of(day);
        }
    }
    Py_DECREF(given);
    return failed ? -1 : 0;
}

static int wake_up(Handover *handover)
{
    PyObject *woken = PyObject_CallNoArgs(handover->wake);
    Py_XDECREF(woken);
    return woken == NULL ? -1 : 0;
}

/* Returns -1 after an error. */
static int commit_unusual(Handover *handover, Work *work, int error)
{
    PyObject *self = (PyObject *)handover;
    PyObject *number = PyLong_FromSsize_t(error ? abs(error) : work->size_bytes);
    if (number != NULL && error)
        work->result = PyObject_CallMethodObjArgs(self, name_fail, number, error < 0 ? Py_True : Py_False, NULL);
    else if (number != NULL)
        work->result = PyObject_CallMethodObjArgs(self, name_commit, work->what, number, NULL);
    Py_XDECREF(number);
    if (work->result == NULL) {
        end_work(work);
        return -1;
    }
    return put_result(handover, work) ? wake_up(handover) : 0;
}

static PyObject *work_until_none(PyObject *self, PyObject *Py_UNUSED(none))
{
    Handover *handover = (Handover *)self;
    int error, failed = !has_begun(handover) || ask_for_place(handover);
    while (!failed) {
        Work *work;
        Py_BEGIN_ALLOW_THREADS
        work = next_unusual(handover, &error);
        Py_END_ALLOW_THREADS
        if (work == NULL) {
            failed = wake_up(handover);
            continue;
        }
        failed = advance(handover);
        if (failed) {
            end_work(work);
        } else if (work->is_commit) {
            failed = commit_unusual(handover, work, error) || ask_for_place(handover);
        } else {
            PyObject *job = Py_NewRef(work->what), *done = NULL;
            end_work(work);
            if (job == Py_None) {
                Py_DECREF(job);
                Py_RETURN_NONE;
            }
            done = PyObject_CallNoArgs(job);
            Py_DECREF(job);
            failed = done == NULL || ask_for_place(handover);
            Py_XDECREF(done);
        }
    }
    return NULL;
}

/* ---- the type */

static int init(PyObject *self, PyObject *arguments, PyObject *Py_UNUSED(names))
{
    Handover *handover = (Handover *)self;
    PyObject *wake, *made;
    if (!PyArg_ParseTuple(arguments, "OO", &wake, &made))
        return -1;
    if (handover->has_begun) {
        PyErr_SetString(PyExc_TypeError, "a hand-over begins once");
        return -1;
    }
    pthread_mutex_init(&handover->lock, NULL);
    sem_init(&handover->new_work, 0, 0);
    sem_init(&handover->new_result, 0, 0);
    handover->wake = Py_NewRef(wake);
    handover->made = Py_NewRef(made);
    handover->has_begun = 1;
    return 0;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Handover *handover = (Handover *)self;
    Py_VISIT(handover->wake);
    Py_VISIT(handover->made);
    return 0;
}

static int clear(PyObject *self)
{
    Handover *handover = (Handover *)self;
    Py_CLEAR(handover->wake);
    Py_CLEAR(handover->made);
    return 0;
}

static void deallocate(PyObject *self)
{
    Handover *handover = (Handover *)self;
    Work *work;
    PyObject_GC_UnTrack(self);
    clear(self);
    while ((work = take(&handover->works)) != NULL || (work = take(&handover->results)) != NULL)
        end_work(work);
    if (handover->has_begun) {
        sem_destroy(&handover->new_result);
        sem_destroy(&handover->new_work);
        pthread_mutex_destroy(&handover->lock);
        free_pages(handover);
    }
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef methods[] = {
    {"put", put_job, METH_O, "Queue a job for the thread; None ends it."},
    {"begin", (PyCFunction)(void (*)(void))begin, METH_FASTCALL, "Queue records for a commit in the thread."},
    {"wait", wait_seconds, METH_O, "Return a result; None if there is none in some seconds."},
    {"work", work_until_none, METH_NOARGS, "Do all work in this thread, until None is put."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject handover_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "storage.raw._handover.Handover",
    .tp_doc = "Hands work over to a thread, and results of commits back.",
    .tp_basicsize = sizeof(Handover),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_methods = methods,
    .tp_new = PyType_GenericNew,
    .tp_init = init,
    .tp_traverse = traverse,
    .tp_clear = clear,
    .tp_dealloc = deallocate,
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_handover", .m_size = 0};

PyMODINIT_FUNC PyInit__handover(void)
{
    if (begin_checksums())
        return NULL;
    PyDateTime_IMPORT;
    name_place = PyUnicode_InternFromString("place");
    name_advance = PyUnicode_InternFromString("advance");
    name_commit = PyUnicode_InternFromString("commit");
    name_fail = PyUnicode_InternFromString("fail");
    PyObject *made = PyErr_Occurred() ? NULL : PyModule_Create(&module);
    if (made != NULL && PyModule_AddType(made, &handover_type))
        Py_CLEAR(made);
    return made;
}
