"""How long the submissions of a data root have waited for conversion, by any process."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from storage.data_root import DataRoot
from storage.errors import StorageError
from storage.ledger.values import SEGMENT_START, SegmentPosition
from storage.progress.conversion_state import ConversionState, Halt
from storage.raw.listing import SegmentListing, WaitingSegments
from storage.raw.reader import read_submission, scan_segment
from storage.raw.segment_paths import SegmentPath


class ConversionWatch:
    """
    What the edge reports about the conversion of its data root.

    Args:
        converts: Whether this server converts; otherwise another process may.
    """

    def __init__(self, root: DataRoot, *, converts: bool) -> None:
        self.root = root
        self.converts = converts
        self._state = ConversionState(root)
        self._waiting = WaitingSegments(SegmentListing(root.raw))

    def halt(self) -> Halt | None:
        """Return the present halt of this server's conversion, or None."""
        return self._state.read() if self.converts else None

    def lag_seconds(self, now: datetime | None = None) -> float:
        """Return the age of the oldest waiting submission or of the halt, if that is older."""
        now = now or datetime.now(UTC)
        moments = []
        # A ledger that cannot be read halts conversion, which counts below.
        with suppress(StorageError, OSError):
            moments += self._oldest()
        halt = self.halt()
        if halt is not None:
            moments.append(halt.since)
        return max(0.0, (now - min(moments)).total_seconds()) if moments else 0.0

    def _oldest(self) -> list[datetime]:
        waiting = self._waiting.segments()
        positions: Mapping[str, SegmentPosition] = {}
        moments = []
        if self.root.ledger.exists():
            # Later than the start of `serve`, whose first answer does not wait for this import.
            from storage.ledger.ledger import Ledger

            with Ledger(self.root.ledger, read_only=True) as ledger:
                positions = ledger.positions([segment.name for segment in waiting])
                since = ledger.waiting_since()
            self._waiting.drop_finished(positions)
            if since is not None:
                moments.append(datetime.fromtimestamp(since, UTC))
        oldest = oldest_waiting(waiting, positions)
        return moments if oldest is None else [*moments, oldest]


def oldest_waiting(
    segments: Iterable[SegmentPath], positions: Mapping[str, SegmentPosition]
) -> datetime | None:
    """Return when the oldest submission of *segments* after *positions* arrived; None without one."""
    arrivals: list[datetime] = []
    for segment in segments:
        position = positions.get(segment.name, SEGMENT_START)
        if not position.finished:
            arrivals += _first_arrival(segment.path, position.position)
    return min(arrivals, default=None)


def _first_arrival(path: Path, position: int) -> list[datetime]:
    scan = scan_segment(path, position, max_bytes=2**20, max_records=1)
    if not scan.spans:
        return []
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return [read_submission(descriptor, scan.spans[0]).received_at]
    finally:
        os.close(descriptor)
