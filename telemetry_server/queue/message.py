"""Messages of a queue, as sources read them and publishers send them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Message:
    """One message, with its place in the queue."""

    partition: str  # names stream and partition, whatever the address of the broker is
    position: int  # within the partition; the next message has a greater one
    body: bytes
    headers: Mapping[str, str]  # names in lower case
    key: str
    time: datetime  # when the broker stored it, UTC

    @property
    def place(self) -> str:
        """The place as text."""
        return f"{self.partition}@{self.position}"


def parse_place(place: str) -> tuple[str, int]:
    """
    Return partition and position of a place.

    Raises:
        ValueError: It is not a place.
    """
    partition, _, position = place.rpartition("@")
    if not partition:
        raise ValueError(f"{place!r} is not a place in a queue")
    return partition, int(position)


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages in order, and the place in each partition after which reading continues."""

    messages: Sequence[Message]
    positions: Mapping[str, int]  # the position after the last message, also of a skipped one
