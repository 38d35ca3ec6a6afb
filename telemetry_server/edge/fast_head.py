"""
Reads the head of a plain submit as far as the fast path needs it: in C where that was built, else in Python.

`plain_request.py` is the reference; tests hold both to the same results.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from storage.raw.record_frames import header_rest
from storage.raw.submission import Submission
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.plain_request import END, plain_head
from telemetry_server.edge.submit_head import SubmitHead

_NO_MOMENT = datetime.fromtimestamp(0, UTC)


class FastHead(NamedTuple):
    """The head of a plain submit, with the header that its record gets."""

    head_bytes: int  # with the empty line at the end
    path: str
    body_bytes: int
    is_last: bool  # the client asks to close the connection after it
    has_origin: bool  # it comes from a web page
    forwarded_for: str | None
    header_rest: bytes  # what follows the moment


def plain_fast_head(
    received: bytes, max_headers: int, max_target_bytes: int, max_kept_header_bytes: int
) -> FastHead | None:
    """Return the head that *received* begins with; None if it is not whole, not plain, or over a limit."""
    end = received.find(END)
    if end < 0:
        return None
    limits = EdgeLimits(
        max_headers=max_headers,
        max_target_bytes=max_target_bytes,
        max_kept_header_bytes=max_kept_header_bytes,
    )
    head = plain_head(received[:end], limits)
    if head is None:
        return None
    submit = head.submit
    rest = header_rest(Submission(_NO_MOMENT, body=b"", **_stored(submit)))
    return FastHead(
        end + len(END),
        submit.path,
        head.body_bytes,
        head.is_last,
        head.has_origin,
        submit.forwarded_for,
        rest,
    )


def _stored(head: SubmitHead) -> dict[str, Any]:
    return {name: value for name, value in head._asdict().items() if name != "forwarded_for"}


HeadReader = Callable[[bytes, int, int, int], tuple[int, str, int, bool, bool, str | None, bytes] | None]
fast_head: HeadReader = plain_fast_head
with suppress(ImportError):
    from telemetry_server.edge import _head

    fast_head = _head.head
IS_COMPILED = fast_head is not plain_fast_head


def with_address(rest: bytes, address: str | None) -> bytes:
    """Return the header of a record with the truncated address of the client."""
    return rest if address is None else b'%b,"client_address":%b}' % (rest[:-1], orjson.dumps(address))
