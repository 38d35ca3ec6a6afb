"""
What can be wrong with a schema.

::

    DoctypeError
    ├── BadSchema         the file is no JSON Schema that we use
    └── BadSchemaPath     its place does not say what it is the schema of
"""


class DoctypeError(ValueError):
    """Something about a schema; its text is one line for the operator."""


class BadSchema(DoctypeError):
    """The file is no JSON Schema that we use."""


class BadSchemaPath(DoctypeError):
    """Its place does not say what it is the schema of."""
