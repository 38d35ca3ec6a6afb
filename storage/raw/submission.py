"""One HTTP submission as the edge keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """One HTTP submission, kept as bytes: the edge never opens a body."""

    received_at: datetime  # UTC, by our clock, microseconds: it dates the submission
    path: str  # as sent, still percent-encoded, without the query
    body: bytes  # as received, whatever its encoding
    query: str = ""
    method: str = "POST"
    protocol: str = "HTTP/1.1"
    host: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # the kept ones, names in lower case
    client_address: str | None = None  # only with client_address = "truncated"
