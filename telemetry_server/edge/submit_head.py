"""The head of a submission, as both HTTP paths read it."""

from typing import NamedTuple


class SubmitHead(NamedTuple):
    """The parts of a request head that are stored with the body."""

    method: str
    path: str
    query: str
    protocol: str  # HTTP/1.0 or HTTP/1.1
    host: str
    headers: dict[str, str]  # names in lower case; X-Forwarded-For apart
    forwarded_for: str | None
