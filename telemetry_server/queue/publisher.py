"""What a writer that hands on asks of a broker."""

from collections.abc import Callable
from typing import Protocol

from storage.raw.record_frames import RawRecord
from storage.raw.submission_queue import Waiter

OnFailure = Callable[[RawRecord, Waiter, str], None]
"""Called on the event loop with a record that the broker did not acknowledge, and why."""

MAX_IN_FLIGHT_MESSAGES = 4096
MAX_IN_FLIGHT_BYTES = 16 << 20


class Publisher(Protocol):
    """
    Sends raw records to a broker, in order.

    All methods are called on the event loop.
    """

    async def open(self, on_failure: OnFailure) -> None:
        """Begin to connect; return at once.  It connects again after each loss, until `close`."""

    @property
    def is_ready(self) -> bool:
        """Whether the broker answers and there is room for one more record."""

    @property
    def trouble(self) -> str:
        """Why the broker is not reached; empty while it is."""

    def takes(self, record: RawRecord) -> bool:
        """Return whether the broker takes a message of this size; call it only while `is_ready`."""

    def send(self, record: RawRecord, waiter: Waiter) -> None:
        """
        Send *record*; call it only while `is_ready`.

        *waiter* gets its result when the broker has acknowledged, never during this call.
        What is not acknowledged goes to *on_failure*.
        """

    async def close(self) -> None:
        """Wait a moment for acknowledgements; what has none goes to *on_failure*."""
