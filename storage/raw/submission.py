"""One submission as the edge, or a puller, keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """One HTTP submission, kept as bytes: the edge does not decode bodies."""

    received_at: datetime  # UTC, by the server's clock, in microseconds
    path: str  # as sent, still percent-encoded, without the query
    body: bytes  # as received, still encoded
    query: str = ""
    method: str = "POST"
    protocol: str = "HTTP/1.1"
    host: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # the kept headers, names in lower case
    client_address: str | None = None  # only with client_address = "truncated"
    place: str = (
        ""  # in the queue that it was pulled from, "<partition>@<position>"; empty if it came by HTTP
    )
    fault: str = ""  # of a message that is not a submission: what is wrong with it
