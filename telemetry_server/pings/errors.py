"""
Errors of a submission that does not decode to a ping.

::

    PingError
    ├── BadSubmitPath    the path has an unknown form
    ├── BadDocumentId    the id is not a UUID
    ├── EmptyBody        the body is empty
    ├── CorruptGzip      the gzip data is damaged or incomplete
    ├── TooLarge         the inflated body is past the limit
    └── InvalidJson      the body is not the JSON of one object within the limits

Each message is one line that names the place and never quotes the payload.
"""


class PingError(Exception):
    """A submission that does not decode to a ping."""

    def __init__(self, detail: str, document_id: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.document_id = document_id  # if the path has one


class BadSubmitPath(PingError):
    """The path has an unknown form."""


class BadDocumentId(PingError):
    """The id is not a UUID."""


class EmptyBody(PingError):
    """The body is empty, or gzip of an empty text."""


class CorruptGzip(PingError):
    """The gzip data of the body is damaged or incomplete."""


class TooLarge(PingError):
    """The inflated body is past the limit."""


class InvalidJson(PingError):
    """The body is not the JSON of one object within the limits."""
