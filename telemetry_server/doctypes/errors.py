"""
Errors of a schema.

::

    DoctypeError
    ├── BadSchema         the file is not a usable JSON Schema
    └── BadSchemaPath     its path does not name a doctype
"""


class DoctypeError(ValueError):
    """A problem of a schema; the message is one line for the operator."""


class BadSchema(DoctypeError):
    """The file is not a usable JSON Schema."""


class BadSchemaPath(DoctypeError):
    """The path of the file does not name a doctype."""
