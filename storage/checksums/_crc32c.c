/*
 * CRC-32C for Python.  It is optional: `checksum.py`, its only caller, takes the package crc32c without it.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_crc32c.h"

#define LONG_BYTES 16384 /* other threads run while so many bytes are summed */

static PyObject *checksum(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    Py_buffer data;
    unsigned long sum = 0;
    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_TypeError, "crc32c takes bytes, and the checksum of those before them");
        return NULL;
    }
    if (count == 2 && (sum = PyLong_AsUnsignedLongMask(arguments[1])) == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    if (PyObject_GetBuffer(arguments[0], &data, PyBUF_SIMPLE))
        return NULL;
    if (data.len < LONG_BYTES) {
        sum = crc32c((uint32_t)sum, data.buf, (size_t)data.len);
    } else {
        Py_BEGIN_ALLOW_THREADS
        sum = crc32c((uint32_t)sum, data.buf, (size_t)data.len);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&data);
    return PyLong_FromUnsignedLong(sum);
}

static PyMethodDef methods[] = {
    {"crc32c", (PyCFunction)(void (*)(void))checksum, METH_FASTCALL,
     "Return the CRC-32C of bytes that follow others, of which it is given the checksum."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_crc32c", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__crc32c(void)
{
    if (begin_checksums())
        return NULL;
    return PyModule_Create(&module);
}
