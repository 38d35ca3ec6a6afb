"""The part of a fast connection that answers in unusual cases."""

from typing import TYPE_CHECKING

from storage.errors import StorageError
from telemetry_server.edge import responses
from telemetry_server.edge.timed_connection import TimedConnection

if TYPE_CHECKING:
    from telemetry_server.edge.fast_path import FastPath


class AnsweringConnection(TimedConnection):
    """A connection that answers its submission as the last of it, late in a second, or with an error."""

    __slots__ = ()
    _fast_path: "FastPath"

    def __init__(self, fast_path: "FastPath") -> None:
        super().__init__(fast_path, fast_path.edge, fast_path.loop)

    def _answer(self, error: StorageError | None) -> None:
        """Answer the submission: it is on disk, or was not kept because of *error*."""
        fast_path = self._fast_path
        edge = fast_path.edge
        status = 200
        if error is not None:
            status = responses.status_of(error)
            edge.tally.count_answer(status)
        transport = self._transport
        if self._is_over or transport is None:
            return
        self._answered += 1
        closes = (
            self._is_last
            or self._answered >= fast_path.max_requests
            or edge.is_draining
            or (self._is_half_closed and not self._pending)
        )
        now = fast_path.time()
        if status == 200:
            transport.write(fast_path.kept_answer(now, closes=closes))
        else:
            transport.write(responses.raw_refusal(status, closes=closes))
        if closes:
            self._leave()
            transport.close()
            return
        if self._pending or self._is_paused:
            # Later: the writer is still answering others.
            fast_path.loop.call_soon(self._begin_next)
        self._is_head_late_at_deadline = False
        self._wait_until(now + fast_path.keepalive_seconds)
