"""
How pulling or pushing is: one small file that every process can read.

It is a hint, not a promise: nothing is synced, and errors of the disk are ignored.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

PULL, PUSH = "queue-pull.json", "queue-push.json"
MAX_DETAIL_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The state of one direction."""

    url: str  # without credentials
    state: str  # connected, away, stopped (needs the operator), or ended
    since: str  # when the state began
    detail: str = ""  # why it is away or stopped
    messages: int = 0  # pulled or pushed, since the process began
    lag: int = 0  # messages that the queue has beyond these; of a push: submissions that wait in raw/
    position: int = 0  # the sum over all partitions
    updated: str = ""

    @property
    def is_well(self) -> bool:
        """Whether the broker is connected, or the work is done."""
        return self.state in ("connected", "ended")


class StatusFile:
    """The status below a data root's `state/`; *name* is `PULL` or `PUSH`."""

    def __init__(self, state: Path, name: str) -> None:
        self._path = state / name

    def read(self) -> list[QueueStatus]:
        """Return the last status of each queue."""
        try:
            return [QueueStatus(**fields) for fields in orjson.loads(self._path.read_bytes())]
        except (OSError, ValueError, TypeError):
            return []

    def write(self, statuses: Iterable[QueueStatus]) -> None:
        """Replace the status of all queues."""
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            temporary.write_bytes(orjson.dumps([asdict(status) for status in statuses]))
            temporary.replace(self._path)


def now_text() -> str:
    """Return the wall clock as text."""
    return datetime.now(UTC).isoformat("T", "milliseconds")[:23] + "Z"
