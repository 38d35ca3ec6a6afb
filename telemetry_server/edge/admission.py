"""The admission of a submission: the one decision, before its body, that both HTTP paths ask for."""

from typing import TYPE_CHECKING

from storage.errors import StorageError, WriterClosed
from storage.raw.writer import RawWriter
from telemetry_server.edge import responses
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.submit_target import namespace_of_path

if TYPE_CHECKING:
    from telemetry_server.edge.edge import Edge


class Admission:
    """Decides what is taken, for all connections of a worker."""

    __slots__ = ("_edge", "_max_body_bytes", "_memory", "_namespaces", "_oversize_status", "_writer")

    def __init__(self, edge: "Edge", writer: RawWriter) -> None:
        self._edge = edge
        self._memory = edge.memory
        self._writer = writer
        self._namespaces = edge.options.namespaces
        self._max_body_bytes = edge.limits.max_body_bytes
        self._oversize_status = edge.limits.oversize_status

    def refusal(self, path: str, announced_bytes: int) -> int | None:
        """
        The status that refuses a submission before its body; None if it is admitted.

        Args:
            path: As `routed_path` gives it.
            announced_bytes: The body's length; 0 where it is not announced.
        """
        if self._namespaces and namespace_of_path(path) not in self._namespaces:
            return 404
        if announced_bytes > self._max_body_bytes:
            return self._oversize_status
        error = self._writer_refusal()
        if error is not None:
            return responses.status_of(error)
        # What waits for slow clients gives way; what waits for the disk does not.
        return None if self._memory.has_room_for(announced_bytes) else 503

    def _writer_refusal(self) -> StorageError | None:
        if self._edge.is_draining:
            return WriterClosed("the server is shutting down")
        return self._writer.refusal


def body_seconds(came_bytes: int, limits: EdgeLimits) -> float:
    """How long a body of which *came_bytes* came may take, from its first byte."""
    at_rate = max(limits.min_rate_after_seconds, came_bytes / limits.min_bytes_per_second)
    return min(limits.body_timeout_seconds, at_rate)
