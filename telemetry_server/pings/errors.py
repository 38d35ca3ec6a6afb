"""
Why a submission is no ping.

::

    PingError
    ├── BadSubmitPath    the path has no form that we know
    ├── BadDocumentId    its id is no UUID
    ├── EmptyBody        there is nothing in it
    ├── CorruptGzip      it begins as gzip and does not end as such
    ├── TooLarge         more than we inflate
    └── InvalidJson      not the JSON of one object, within our limits

Each text is one line that names the place and never quotes the payload.
"""


class PingError(Exception):
    """A submission that does not decode to a ping."""

    def __init__(self, detail: str, document_id: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.document_id = document_id  # where the path names one all the same


class BadSubmitPath(PingError):
    """The path has no form that we know."""


class BadDocumentId(PingError):
    """The id is no UUID."""


class EmptyBody(PingError):
    """Nothing was sent, or gzip of nothing."""


class CorruptGzip(PingError):
    """The body begins as gzip and does not end as such."""


class TooLarge(PingError):
    """The body, inflated, is more than we take."""


class InvalidJson(PingError):
    """The body is not the JSON of one object, within our limits."""
