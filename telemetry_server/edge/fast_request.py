"""A submission on the fast path whose body is still arriving."""

from telemetry_server.edge.admission import body_seconds
from telemetry_server.edge.body import BodyParts
from telemetry_server.edge.client_memory import HeldBytes
from telemetry_server.edge.limits import EdgeLimits


class FastRequest:
    """A submission under way, from its head to the last byte of its body."""

    __slots__ = (
        "body",
        "body_bytes",
        "forwarded_for",
        "header_rest",
        "holding",
        "is_last",
        "namespace",
        "started_at",
    )

    def __init__(
        self,
        namespace: str,
        body_bytes: int,
        header_rest: bytes,
        forwarded_for: str | None,
        *,
        is_last: bool,
    ) -> None:
        self.namespace = namespace
        self.body_bytes = body_bytes
        self.header_rest = header_rest  # of its record, without the moment
        self.forwarded_for = forwarded_for
        self.is_last = is_last  # the client asks to close the connection after it
        self.body = BodyParts()
        self.holding: HeldBytes | None = None  # the memory of *body*
        self.started_at = 0.0

    def deadline(self, limits: EdgeLimits) -> float:
        """Return when the body must be complete, by the loop's time."""
        return self.started_at + body_seconds(self.body.size, limits)

    def release(self) -> None:
        """Drop the received part of the body, and release its memory."""
        if self.holding is not None:
            self.holding.release()
        self.holding = None
        self.body = BodyParts()
