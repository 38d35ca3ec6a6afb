"""The segments of a writer whose submissions arrive with times of several days, such as a queue's."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from time import monotonic

from storage.disk import Disk
from storage.raw.segment_file import MAX_SEGMENT_AGE_SECONDS, MAX_SEGMENT_BYTES, SegmentFile
from storage.raw.segment_paths import segment_path
from storage.raw.submission import Submission

MAX_OPEN_DAYS = 16


class DaySegments:
    """
    Segments of one writer, one open for each of several days; they are numbered in the order of creation.

    Synchronous.  After an error call `abandon`: the content of the open files is unknown.

    Args:
        raw: The raw store's folder.
        worker: This writer's number, for names only.
        boot_id: Names this writer, see `storage.raw.segment_paths.new_boot_id`.
    """

    def __init__(
        self,
        raw: Path,
        *,
        worker: int,
        boot_id: bytes,
        disk: Disk,
        max_segment_bytes: int = MAX_SEGMENT_BYTES,
        max_segment_age_seconds: float = MAX_SEGMENT_AGE_SECONDS,
    ) -> None:
        self.number = 0  # of the newest segment
        self._raw = raw
        self._worker = worker
        self._boot_id = boot_id
        self._disk = disk
        self._max_bytes = max_segment_bytes
        self._max_age_seconds = max_segment_age_seconds
        self._open: OrderedDict[date, SegmentFile] = OrderedDict()  # the one written last is at the end

    @property
    def lengths(self) -> dict[str, int]:
        """Length of each open segment, by its name."""
        return {segment.place.name: segment.length_bytes for segment in self._open.values()}

    def write(self, submissions: Sequence[Submission]) -> None:
        """
        Return once *submissions* would survive a power cut; submissions of one day keep their order.

        Raises:
            OSError: As the disk raises it.
            WriterDead: A sync failed.
        """
        by_day = _by_day(submissions)
        for day, of_day in by_day:
            self._segment_of(day).append(of_day)
        for day, _ in by_day:
            # One that is not open any more was sealed for another day, and a seal syncs.
            segment = self._open.get(day)
            if segment is not None and segment.length_bytes >= self._max_bytes:
                del self._open[day]
                segment.seal()
            elif segment is not None:
                segment.sync()

    def seal_old(self) -> None:
        """Seal the segments that are open for too long."""
        for day, segment in list(self._open.items()):
            if monotonic() - segment.opened_at >= self._max_age_seconds:
                del self._open[day]
                segment.seal()

    def seal(self) -> None:
        """Seal all open segments."""
        while self._open:
            _, segment = self._open.popitem()
            segment.seal()

    def abandon(self) -> None:
        """Close all open segments without a seal; readers treat their ends as torn."""
        while self._open:
            _, segment = self._open.popitem()
            segment.close()

    def _segment_of(self, day: date) -> SegmentFile:
        if day in self._open:
            self._open.move_to_end(day)
            return self._open[day]
        while len(self._open) >= MAX_OPEN_DAYS:
            _, oldest = self._open.popitem(last=False)
            oldest.seal()
        self.number += 1
        place = segment_path(
            self._raw, day=day, worker=self._worker, boot_id=self._boot_id, number=self.number
        )
        segment = self._open[day] = SegmentFile.create(place, disk=self._disk, now=datetime.now(UTC))
        return segment


def _by_day(submissions: Sequence[Submission]) -> list[tuple[date, list[Submission]]]:
    days = [submission.received_at.date() for submission in submissions]
    if days.count(days[0]) == len(days):
        return [(days[0], list(submissions))]
    in_order = sorted(submissions, key=lambda submission: submission.received_at.date())
    return [
        (day, list(of_day))
        for day, of_day in groupby(in_order, key=lambda submission: submission.received_at.date())
    ]
