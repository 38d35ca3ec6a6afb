"""What waits in raw/ to be handed on, in order of arrival."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.data_root import DataRoot
from storage.errors import DamagedRecord, TornRecord
from storage.ledger.ledger import Ledger
from storage.raw.listing import SegmentListing
from storage.raw.reader import read_submission, scan_segment
from storage.raw.segment_paths import SegmentPath
from storage.raw.submission import Submission

MAX_OF_SEGMENT = 256
MAX_BYTES_OF_SEGMENT = 2 << 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """A submission that waits, and the place after it."""

    submission: Submission
    segment: SegmentPath
    end: int


class Backlog:
    """
    The submissions in raw/ that are not handed on yet; use it in one thread at a time.

    A segment is removed when all of it was handed on.  After a crash a segment that is still there is
    handed on again from its beginning: repeats are found by their document ids.
    """

    def __init__(self, root: DataRoot) -> None:
        self._listing = SegmentListing(root.raw)
        self._done: dict[str, int] = {}  # end of what was handed on, by segment
        self.handed_on = 0
        self.waiting_count = 0  # of those that the last look found; more may wait behind them
        if root.ledger.exists():
            # What was converted here must not be converted elsewhere, too.
            with Ledger(root.ledger, read_only=True) as ledger:
                self._done = {name: position.position for name, position in ledger.positions().items()}
        self._stuck: set[str] = set()  # segments with a submission that the broker does not take
        self.stuck_count = 0
        self._converted_here = frozenset(self._done)

    def next(self) -> Sequence[Waiting]:
        """Return the oldest submissions that wait, in order of arrival; removes segments without any."""
        chunks: list[Waiting] = []
        horizon: datetime | None = None
        for segments in self._series():
            chunk, has_more = self._first_chunk(segments)
            chunks += chunk
            # More of this writer may follow, so nothing that is younger goes before.
            if chunk and has_more:
                last = chunk[-1].submission.received_at
                horizon = last if horizon is None else min(horizon, last)
        self.waiting_count = len(chunks)
        chunks.sort(key=lambda waiting: waiting.submission.received_at)
        if horizon is None:
            return chunks
        return [waiting for waiting in chunks if waiting.submission.received_at <= horizon]

    def _series(self) -> Iterable[list[SegmentPath]]:
        """Return the segments of each writer, in the order in which they were written."""
        series: dict[bytes, list[SegmentPath]] = {}
        for day in self._listing.days().values():
            for segment in day.segments:
                series.setdefault(segment.boot_id, []).append(segment)
        for segments in series.values():
            segments.sort(key=lambda segment: segment.number)
        return series.values()

    def _first_chunk(self, segments: Sequence[SegmentPath]) -> tuple[list[Waiting], bool]:
        """Return what waits first in the segments of a writer, and whether more may follow."""
        for number, segment in enumerate(segments, 1):
            chunk, is_finished = self._chunk(segment)
            if chunk:
                return chunk, not is_finished or number < len(segments)
            if not is_finished:
                return [], True
            self._remove(segment)
        return [], False

    def mark_handed_on(self, waiting: Sequence[Waiting]) -> None:
        """Record that the broker has these."""
        for each in waiting:
            name = each.segment.name
            self._done[name] = max(self._done.get(name, 0), each.end)
        self.handed_on += len(waiting)

    def mark_stuck(self, waiting: Waiting) -> None:
        """Record that the broker takes no message as large as this one: its segment stays."""
        self._stuck.add(waiting.segment.name)
        self.stuck_count += 1

    def _chunk(self, segment: SegmentPath) -> tuple[list[Waiting], bool]:
        """Return the next submissions of *segment*, and whether it has no more after these."""
        start = self._done.get(segment.name, 0)
        try:
            scan = scan_segment(
                segment.path, start, max_bytes=MAX_BYTES_OF_SEGMENT, max_records=MAX_OF_SEGMENT
            )
            descriptor = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return [], False
        found = []
        try:
            for span in scan.spans:
                try:
                    submission = read_submission(descriptor, span)
                except (DamagedRecord, TornRecord):
                    continue
                found.append(Waiting(submission, segment, span.offset + span.length_bytes))
        finally:
            os.close(descriptor)
        return found, scan.finished

    def _remove(self, segment: SegmentPath) -> None:
        if segment.name in self._converted_here or segment.name in self._stuck:
            return
        segment.path.unlink(missing_ok=True)
        self._done.pop(segment.name, None)
