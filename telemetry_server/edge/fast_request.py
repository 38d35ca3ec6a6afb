"""A submission on the fast path, from its head to its answer."""

from typing import Protocol

from storage.errors import StorageError
from telemetry_server.edge.body import BodyParts
from telemetry_server.edge.client_memory import SlowHolding
from telemetry_server.edge.plain_request import PlainHead


class AnswersRequest(Protocol):
    """Sends the answer to a request."""

    def finish(self, request: "FastRequest", error: StorageError | None) -> None:
        """Answer *request*: it is on disk, or was not kept because of *error*."""


class FastRequest:
    """A submission under way.  The raw writer reports its result through `set_result` or `set_exception`."""

    __slots__ = ("_connection", "body", "head", "holding", "is_complete", "started_at")

    def __init__(self, connection: AnswersRequest, head: PlainHead) -> None:
        self._connection: AnswersRequest | None = connection
        self.head = head
        self.body: BodyParts | None = None  # the parts so far, unless all of it arrived at once
        self.holding: SlowHolding | None = None  # the memory of *body*
        self.started_at = 0.0
        self.is_complete = False

    def done(self) -> bool:
        """Return whether the request was answered."""
        return self._connection is None

    def set_result(self, result: None, /) -> None:
        """Answer 200: the submission is on disk."""
        self._finish(None)

    def set_exception(self, error: StorageError, /) -> None:
        """Answer with the status of *error*: the submission was not kept."""
        self._finish(error)

    def release(self) -> None:
        """Drop the received part of the body, and release its memory."""
        if self.holding is not None:
            self.holding.release()
        self.holding = self.body = None

    def _finish(self, error: StorageError | None) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finish(self, error)
