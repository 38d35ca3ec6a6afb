"""What a puller asks of a queue."""

from collections.abc import Mapping
from typing import Protocol

from telemetry_server.queue.message import Batch


class Source(Protocol):
    """A queue to read from.  Positions are the puller's; the broker's own are hints for its operators."""

    async def connect(self, after: Mapping[str, int]) -> None:
        """
        Connect, and read on at *after*; partitions that are not in it are read from their oldest message.

        Raises:
            BrokerAway: No broker answers.
            QueueRefused: The broker answers, but refuses.
            PositionLost: A position is not in the stream.
        """

    async def read(self, within_seconds: float) -> Batch | None:
        """
        Return the next messages; None if none arrives in time.

        Raises:
            BrokerAway, QueueRefused, PositionLost: As `connect`.
        """

    async def acknowledge(self, batch: Batch) -> None:
        """Report that *batch* is on disk.  A report that is lost does no harm."""

    @property
    def trouble(self) -> str:
        """Why a part of the queue is not read while the rest is; empty if all of it is read."""

    @property
    def position(self) -> int:
        """The sum of the positions of all partitions."""

    @property
    def is_at_end(self) -> bool:
        """Whether everything that the queue had at `connect` was read."""

    @property
    def lag(self) -> int:
        """How many messages the queue has beyond what was read, as far as it is known."""

    async def lost(self, after: Mapping[str, int]) -> Mapping[str, int]:
        """Connect; return the oldest position of each partition whose position in *after* is lost."""

    async def close(self) -> None:
        """Disconnect; never raises."""
