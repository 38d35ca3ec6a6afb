"""
Commits the results of a round: all of them or none.

One ledger transaction finds duplicates by their ids, appends frames to partition
files, syncs them, and moves positions and counts.  A crash before its end leaves
bytes that no reader looks at; the round is then converted again.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from storage.disk import Disk
from storage.errors import LostFile
from storage.ledger.ledger import Ledger
from storage.ledger.transaction import Transaction
from storage.ledger.values import UNKNOWN_DIGEST, Counts, SegmentPosition
from storage.partitions.frames import compress_frame, decompress_frame
from storage.partitions.writer import Appended, Frame, PartitionWriter
from storage.raw.submission import Submission
from storage.raw.writer import utc_now
from telemetry_server.coordinator.conversion_worker import read_item
from telemetry_server.coordinator.deletion_orders import OrderEntries
from telemetry_server.coordinator.ledger_entries import RoundEntries
from telemetry_server.coordinator.partition_limit import PartitionLimit, with_final_directory
from telemetry_server.coordinator.ping_frequency import FrequencyCheck, with_marks
from telemetry_server.coordinator.work_items import (
    DuplicateResult,
    Item,
    ItemResult,
    PackedFrame,
    RawItem,
    RefusedResult,
    StoredResult,
    Task,
    TaskResult,
)
from telemetry_server.outcomes.quarantine_line import CONFLICT, submission_line

Digests = dict[tuple[bytes, str, str], int]
"""Digest of the stored ping by document id, namespace and doctype."""


@dataclass(frozen=True, slots=True)
class Round:
    """The work that one commit makes permanent."""

    work: Sequence[tuple[Task, TaskResult]]
    positions: Mapping[str, SegmentPosition] = field(default_factory=dict)
    unsealed_segments: Sequence[Path] = ()  # synced here before their records count
    damage: Counts = field(default_factory=Counter)
    before: Callable[[Transaction], None] | None = None  # other changes in the same transaction


@dataclass(frozen=True, slots=True)
class Committed:
    """A committed round: each task with its final results, and what was added to files."""

    work: Sequence[tuple[TaskResult, Sequence[ItemResult]]]
    appended: Sequence[Appended]

    @property
    def results(self) -> list[ItemResult]:
        """All final results."""
        return [result for _, results in self.work for result in results]


class Committer:
    """
    Commits rounds.  Only the holder of the converter's lock may use it.

    Args:
        writable: Removes from a submission what must not be written outside of raw/.
        orders: Enters the deletion orders of pings.
    """

    def __init__(
        self,
        raw: Path,
        ledger: Ledger,
        writer: PartitionWriter,
        disk: Disk,
        schema_text: str,
        *,
        clock: Callable[[], datetime] = utc_now,
        writable: Callable[[Submission], Submission] = lambda submission: submission,
        orders: OrderEntries,
    ) -> None:
        self._orders = orders
        self._clock = clock
        self._writable = writable
        self._raw = raw
        self._ledger = ledger
        self._writer = writer
        self._disk = disk
        self._schema_text = schema_text
        self._schema_id: int | None = None
        self._partition_limit = PartitionLimit(ledger)

    def use_schema(self, text: str) -> None:
        """Use this partition schema (JSON) from now on."""
        self._schema_text = text
        self._schema_id = None

    def forget(self) -> None:
        """Forget what was read from the ledger, because the ledger was replaced."""
        self._schema_id = None

    def recover(self) -> None:
        """Bring files back to the last commit.  Raises `LostFile` if committed bytes are gone."""
        self._partition_limit.forget()
        recovered = self._writer.recover()
        if recovered.lost_files:
            raise LostFile(recovered.lost_files[0])

    def commit(self, finished: Round) -> Committed:
        """
        Commit *finished* and return its final results, with duplicates marked.

        Raises:
            OSError, StorageError: Nothing was committed; call `recover` before the next commit.
        """
        if self._schema_id is None:
            with self._ledger.transaction() as transaction:
                self._schema_id = transaction.schema(self._schema_text)
        stored_now: Digests = {}
        moved = self._partition_limit.moved(
            frame.directory for _, result in finished.work for frame in result.frames
        )
        frequency = FrequencyCheck(self._ledger)
        with self._ledger.snapshot():  # otherwise SQLite takes and drops its locks for each id
            final = [
                [
                    with_final_directory(result, moved)
                    for result in frequency.marked(self.mark_duplicates(task, packed.results, stored_now))
                ]
                for task, packed in finished.work
            ]
        frames: list[Frame] = []
        for (task, packed), results in zip(finished.work, final, strict=True):
            frames += self._frames_of(task, packed, results, moved)
        self._sync_raw(finished.unsealed_segments)
        self._writer.prepare((frame.directory for frame in frames), self._schema_id)
        # Ids and waits expire by this time: a clock that is behind must not make them old.
        now = self._now()
        with self._ledger.transaction() as transaction:
            if finished.before is not None:
                finished.before(transaction)
            for name, position in finished.positions.items():
                transaction.move_segment(name, position)
            entries = RoundEntries(transaction, finished.damage, now)
            for (task, _), results in zip(finished.work, final, strict=True):
                for result in results:
                    item = task.items[result.index]
                    entries.enter(item, result)
                    self._orders.enter(transaction, item, result)
            frequency.enter(transaction, now)
            appended = self._writer.write(transaction, frames)
            entries.finish()
        packed_results = (packed for _, packed in finished.work)
        return Committed(list(zip(packed_results, final, strict=True)), appended)

    def _frames_of(
        self, task: Task, packed: TaskResult, results: Iterable[ItemResult], moved: Mapping[str, str]
    ) -> list[Frame]:
        """Return the frames to write for a task: without duplicates, but with lines for conflicts."""
        results = list(results)
        duplicates = [result for result in results if isinstance(result, DuplicateResult)]
        frames = [
            Frame(moved.get(frame.directory, frame.directory), frame.data, len(frame.members))
            for frame in with_marks(
                without(packed.frames, frozenset(result.index for result in duplicates)), results
            )
        ]
        conflicts = (result for result in duplicates if result.is_conflict)
        return frames + [self._conflict(task.items[result.index], result) for result in conflicts]

    def _now(self) -> datetime:
        """Return the wall clock, but not before the time that the ledger believes."""
        now, record = self._clock(), self._ledger.clock()
        return now if record is None else max(now, datetime.fromtimestamp(record.believed, UTC))

    def _sync_raw(self, segments: Iterable[Path]) -> None:
        """Sync *segments*: their records count as read now, and their writer may have been killed."""
        for path in segments:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._disk.sync_data(descriptor)
            finally:
                os.close(descriptor)

    def mark_duplicates(
        self, task: Task, results: Iterable[ItemResult], stored_now: Digests
    ) -> list[ItemResult]:
        """
        Return *results* with each repeated id replaced by a `DuplicateResult`.

        An id is repeated if the ledger or *stored_now*, to which stored results are added, has it.
        A refused body under the id of a stored ping is a conflict.  A ping that was quarantined
        before its id was stored stays in quarantine.
        """
        marked: list[ItemResult] = []
        for result in results:
            match result:
                case StoredResult():
                    marked.append(self._duplicate_of_stored(result, stored_now) or result)
                case RefusedResult() if isinstance(task.items[result.index], RawItem):
                    marked.append(self._duplicate_of_stored(result, stored_now) or result)
                case _:
                    marked.append(result)
        return marked

    def _conflict(self, item: Item, result: DuplicateResult) -> Frame:
        """Return the quarantine line of a duplicate with other bytes; only the commit can make it."""
        line = submission_line(
            self._writable(read_item(self._raw, item)),
            document_id=str(UUID(bytes=result.document_id)),
            namespace=result.namespace,
            doctype=result.doctype,
            reason=CONFLICT,
            detail="another ping was stored under this id before; its record stays",
        )
        return Frame(f"quarantine/{result.day}/{CONFLICT}", compress_frame(line + b"\n"), 1)

    def _duplicate_of_stored(
        self, result: StoredResult | RefusedResult, stored_now: Digests
    ) -> DuplicateResult | None:
        """Return *result* as a duplicate; None if its id is new (a stored result is then remembered)."""
        if result.document_id is None:
            return None
        key = result.document_id, result.namespace, result.doctype
        first = stored_now.get(key)
        if first is None:
            first = self._ledger.seen_digest(*key)
        if first is None:
            if isinstance(result, StoredResult):
                stored_now[key] = result.digest
            return None
        is_same = isinstance(result, StoredResult) and first in (result.digest, UNKNOWN_DIGEST)
        return DuplicateResult(
            result.index,
            result.received_at,
            *key,
            is_conflict=not is_same,
            detail=result.detail if isinstance(result, RefusedResult) else "",
            notes=result.notes,
        )


def stored_places(results: Iterable[ItemResult]) -> dict[int, tuple[str, str]]:
    """Return directory and day of each item that was stored, by its index."""
    return {
        result.index: (result.directory, result.day) for result in results if isinstance(result, StoredResult)
    }


def without(frames: Iterable[PackedFrame], left_out: frozenset[int]) -> list[PackedFrame]:
    """Return the frames without the lines of the items in *left_out*."""
    kept = []
    for frame in frames:
        if left_out.isdisjoint(frame.members):
            kept.append(frame)
            continue
        lines = decompress_frame(frame.data).splitlines(keepends=True)
        wanted = [pair for pair in zip(lines, frame.members, strict=True) if pair[1] not in left_out]
        if wanted:
            data = compress_frame(b"".join(line for line, _ in wanted))
            kept.append(PackedFrame(frame.directory, data, tuple(member for _, member in wanted)))
    return kept
