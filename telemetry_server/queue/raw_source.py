"""
Reads the raw submissions of another data root, such as that of an edge which does not convert.

A partition is one writer of that root; its segments are numbered, so a position is the number of a segment
and an offset in it.  Nothing is written there.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from storage.errors import DamagedRecord, TornRecord
from storage.raw.listing import SegmentListing
from storage.raw.reader import read_submission, scan_segment
from storage.raw.segment_paths import SegmentPath
from telemetry_server.queue.errors import BrokerAway, PositionLost
from telemetry_server.queue.message import Batch, Message
from telemetry_server.queue.message_forms import headers_of
from telemetry_server.queue.queue_url import QueueUrl
from telemetry_server.queue.recovery import PULL_WORKER

BATCH_MESSAGES = 512
BATCH_BYTES = 8 << 20
OFFSET_BITS = 40
OFFSET_MASK = (1 << OFFSET_BITS) - 1
LOOK_SECONDS = 0.5


class RawSource:
    """The submissions in ``raw/`` of the data root that *url* names; see `Source`."""

    def __init__(self, url: QueueUrl) -> None:
        self.trouble = ""
        self._raw = Path(url.name) / "raw"
        self._listing = SegmentListing(self._raw)
        self._shown = url.shown
        self._after: dict[str, int] = {}
        self._is_at_end = False
        self._read_messages = 0

    async def connect(self, after: Mapping[str, int]) -> None:
        """See `Source`."""
        self._after, self._is_at_end = dict(after), False
        if not self._raw.is_dir():
            raise BrokerAway(f"{self._shown}: the folder {self._raw} does not exist")
        lost = await asyncio.to_thread(self._lost)
        if lost:
            raise PositionLost(f"{self._shown}: {lost}")

    async def read(self, within_seconds: float) -> Batch | None:
        """See `Source`."""
        batch = await asyncio.to_thread(self._read)
        self._is_at_end = batch is None
        self._read_messages += 0 if batch is None else len(batch.messages)
        if batch is None:
            await asyncio.sleep(min(LOOK_SECONDS, within_seconds))
        return batch

    async def acknowledge(self, batch: Batch) -> None:
        """See `Source`."""

    @property
    def is_at_end(self) -> bool:
        """See `Source`."""
        return self._is_at_end

    @property
    def position(self) -> int:
        """How many submissions were read since the start."""
        return self._read_messages

    @property
    def lag(self) -> int:
        """Unknown: submissions are counted when they are read."""
        return 0

    async def lost(self, after: Mapping[str, int]) -> Mapping[str, int]:
        """See `Source`."""
        self._after = dict(after)
        return {
            self._partition(found[0]): found[0].number << OFFSET_BITS
            for found in self._series()
            if self._has_gap(found)
        }

    async def close(self) -> None:
        """See `Source`."""

    def _partition(self, segment: SegmentPath) -> str:
        return f"raw:{self._raw}/{segment.worker}-{segment.boot_id.hex()}"

    def _series(self) -> Iterator[list[SegmentPath]]:
        """Yield the segments of each writer, by their numbers."""
        series: dict[str, list[SegmentPath]] = {}
        for day in self._listing.days().values():
            for segment in day.segments:
                if segment.worker != PULL_WORKER:
                    series.setdefault(self._partition(segment), []).append(segment)
        for found in series.values():
            yield sorted(found, key=lambda segment: segment.number)

    def _lost(self) -> str:
        """Return what is wrong if segments were removed before they were read."""
        for found in self._series():
            if self._has_gap(found):
                return f"segments before {found[0].name} were removed before they were read"
        return ""

    def _has_gap(self, found: list[SegmentPath]) -> bool:
        after = self._after.get(self._partition(found[0]))
        return after is not None and found[0].number > (after >> OFFSET_BITS) + 1

    def _read(self) -> Batch | None:
        """Return the next submissions, of the oldest writer that has any."""
        for found in self._series():
            partition = self._partition(found[0])
            after = self._after.get(partition, 0)
            for segment in found:
                if segment.number < after >> OFFSET_BITS:
                    continue
                start = after & OFFSET_MASK if segment.number == after >> OFFSET_BITS else 0
                messages, end, is_finished = self._scan(segment, partition, start)
                if messages:
                    self._after[partition] = segment.number << OFFSET_BITS | end
                    return Batch(messages, {partition: self._after[partition]})
                if not is_finished:
                    break
        return None

    def _scan(self, segment: SegmentPath, partition: str, start: int) -> tuple[list[Message], int, bool]:
        """Return submissions of *segment* from *start* on, where they end, and whether it has no more."""
        scan = scan_segment(segment.path, start, max_bytes=BATCH_BYTES, max_records=BATCH_MESSAGES)
        messages = []
        descriptor = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for span in scan.spans:
                try:
                    submission = read_submission(descriptor, span)
                except (DamagedRecord, TornRecord):
                    continue  # its own root counts the damage
                # The last byte of the record, so that the place after it is where reading continues.
                position = (segment.number << OFFSET_BITS) + span.offset + span.length_bytes - 1
                headers = headers_of(submission)
                messages.append(
                    Message(partition, position, submission.body, headers, "", submission.received_at)
                )
        finally:
            os.close(descriptor)
        return messages, scan.end, scan.finished
