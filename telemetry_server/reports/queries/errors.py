"""
What a query can end with but an answer.

::

    QueryError
    ├── BadQuery        its arguments are wrong, or its statement is: no repeat helps
    ├── NothingFound    there is nothing under this name
    └── QueryStopped    too much time, memory or result
"""


class QueryError(Exception):
    """A query without an answer.  One line."""


class BadQuery(QueryError):
    """Arguments or a statement that cannot be used."""


class NothingFound(QueryError):
    """Nothing has this id or name."""


class QueryStopped(QueryError):
    """It took too much time or memory, or its result is too large."""


BY_NAME: dict[str, type[QueryError]] = {
    kind.__name__: kind for kind in (BadQuery, NothingFound, QueryStopped)
}
