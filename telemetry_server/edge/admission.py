"""Decides, before the body arrives, whether a submission is admitted; used by both HTTP paths."""

from typing import TYPE_CHECKING

from storage.errors import WriterClosed
from storage.raw.submission_writer import SubmissionWriter
from telemetry_server.edge import responses
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.submit_target import namespace_of_path

if TYPE_CHECKING:
    from telemetry_server.edge.edge import Edge


class Admission:
    """Decides which submissions a worker admits."""

    __slots__ = ("_edge", "_max_body_bytes", "_memory", "_namespaces", "_oversize_status", "_writer")

    def __init__(self, edge: "Edge", writer: SubmissionWriter) -> None:
        self._edge = edge
        self._memory = edge.memory
        self._writer = writer
        self._namespaces = edge.options.namespaces
        self._max_body_bytes = edge.limits.max_body_bytes
        self._oversize_status = edge.limits.oversize_status

    def refusal(self, path: str, announced_bytes: int) -> int | None:
        """
        Return the status that refuses a submission before its body; None if it is admitted.

        Args:
            path: As `routed_path` returns it.
            announced_bytes: The length of the body; 0 if it is not announced.
        """
        if self._namespaces and namespace_of_path(path) not in self._namespaces:
            return 404
        if announced_bytes > self._max_body_bytes:
            return self._oversize_status
        error = self._writer.refusal
        if self._edge.is_draining:
            error = WriterClosed("the server is shutting down")
        if error is not None:
            return responses.status_of(error)
        # Memory of slow clients can be freed; memory of complete bodies cannot.
        return None if self._memory.has_room_for(announced_bytes) else 503


def body_seconds(received_bytes: int, limits: EdgeLimits) -> float:
    """Return the seconds that a body may take from its first byte, once *received_bytes* have arrived."""
    at_rate = max(limits.min_rate_after_seconds, received_bytes / limits.min_bytes_per_second)
    return min(limits.body_timeout_seconds, at_rate)
