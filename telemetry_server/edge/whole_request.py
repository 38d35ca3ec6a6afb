"""
Makes the record of a plain submit that arrived in one piece: in C where that was built, else in Python.

`PlainReader` is the reference; tests check that both give the same results.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from storage.raw.record_frames import RawRecord, plain_stamped
from storage.raw.writer import utc_now
from telemetry_server.edge.fast_head import plain_fast_head
from telemetry_server.edge.submit_target import SUBMIT

WholeRequest = tuple[RawRecord, str, int, bool]
"""Its record, its namespace, the bytes of its body, and whether the client asks to close the connection."""


class PlainReader:
    """
    Reads plain submits that arrived whole.

    Args:
        head_limits: `max_headers`, `max_target_bytes` and `max_kept_header_bytes` of `EdgeLimits`.
        max_body_bytes: As in `EdgeLimits`.
        clock: Returns the moment of arrival; None: the system's clock.
        record_type: `RawRecord`.
    """

    def __init__(
        self,
        head_limits: tuple[int, int, int],
        max_body_bytes: int,
        clock: Callable[[], datetime] | None,
        record_type: type[RawRecord],
    ) -> None:
        self._head_limits = head_limits
        self._max_body_bytes = max_body_bytes
        self._clock = clock or utc_now
        self._record_type = record_type

    def __call__(self, received: bytes) -> WholeRequest | None:
        """
        Return the record of *received* if it is exactly one plain submit, else None.

        None also for a request that needs more work: from a web page, over a limit, with an
        encoded namespace, or at a time that is not in UTC.
        """
        head = plain_fast_head(received, *self._head_limits)
        if head is None or head.has_origin:
            return None
        body_bytes = len(received) - head.head_bytes
        namespace = head.path[len(SUBMIT) :].partition("/")[0]
        if body_bytes != head.body_bytes or body_bytes > self._max_body_bytes or "%" in namespace:
            return None
        moment = self._clock()
        if moment.tzinfo is not UTC:
            return None
        header = plain_stamped(moment, head.header_rest)
        record = self._record_type(moment.date(), header, received, head.head_bytes)
        return record, namespace, body_bytes, head.is_last


Reader: Callable[..., Callable[[bytes], WholeRequest | None]] = PlainReader
with suppress(ImportError):
    from telemetry_server.edge import _head

    Reader = _head.Reader
IS_COMPILED = Reader is not PlainReader


def read_nothing(_received: bytes) -> None:
    """Return None: each request is read in steps."""
