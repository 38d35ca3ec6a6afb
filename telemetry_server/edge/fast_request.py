"""A submission on the fast path, from its head to its answer."""

from typing import Protocol

from storage.errors import StorageError
from telemetry_server.edge.body import BodyParts
from telemetry_server.edge.client_memory import SlowHolding


class AnswersRequest(Protocol):
    """Sends the answer to a request."""

    def answer(self, request: "FastRequest", error: StorageError | None) -> None:
        """Answer *request*: it is on disk, or was not kept because of *error*."""


class FastRequest:
    """A submission under way, to which the raw writer reports its result."""

    __slots__ = (
        "_connection",
        "body",
        "body_bytes",
        "forwarded_for",
        "header_rest",
        "holding",
        "is_complete",
        "is_last",
        "path",
        "started_at",
    )

    def __init__(
        self,
        connection: AnswersRequest,
        path: str,
        body_bytes: int,
        header_rest: bytes,
        forwarded_for: str | None,
    ) -> None:
        self._connection: AnswersRequest | None = connection
        self.path = path
        self.body_bytes = body_bytes
        self.header_rest = header_rest  # of its record, without the moment
        self.forwarded_for = forwarded_for
        self.is_last = False  # the client asks to close the connection after it
        self.is_complete = False
        self.body: BodyParts | None = None  # the parts so far, unless all of it arrived at once
        self.holding: SlowHolding | None = None  # the memory of *body*
        self.started_at = 0.0

    def finish(self, error: StorageError | None) -> None:
        """Answer 200, as the submission is on disk, or with the status of *error*.  Only once."""
        connection = self._connection
        if connection is not None:
            self._connection = None
            connection.answer(self, error)

    def release(self) -> None:
        """Drop the received part of the body, and release its memory."""
        if self.holding is not None:
            self.holding.release()
        self.holding = self.body = None
