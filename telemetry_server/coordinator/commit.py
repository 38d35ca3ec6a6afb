"""
The commit: what a round found out becomes lasting, all of it or nothing.

Inside one ledger transaction duplicates are told by their ids, frames are
appended to partition files and synced, and positions and counts move.  A crash
before its end leaves bytes that no reader looks at; the round is done again.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from histogram_specs.revision import Revision
from storage.disk import Disk
from storage.errors import LostFile
from storage.ledger.ledger import Ledger
from storage.ledger.transaction import Transaction
from storage.ledger.values import UNKNOWN_DIGEST, Counts, Entry, SegmentPosition
from storage.partitions.frames import compress_frame, decompress_frame
from storage.partitions.writer import Appended, Frame, PartitionWriter
from storage.raw.writer import utc_now
from telemetry_server.coordinator.partition_limit import PartitionLimit, as_filed
from telemetry_server.coordinator.work_items import (
    Item,
    Judged,
    PackedFrame,
    QuarantinedItem,
    RawItem,
    Task,
    TaskResult,
    Verdict,
)
from telemetry_server.coordinator.worker import read_item
from telemetry_server.outcomes.quarantine_line import CONFLICT, submission_line


@dataclass(frozen=True, slots=True)
class Round:
    """What is committed at once."""

    work: Sequence[tuple[Task, TaskResult]]
    positions: Mapping[str, SegmentPosition] = field(default_factory=dict)
    unsealed_segments: Sequence[Path] = ()  # synced here before their records count
    damage: Counts = field(default_factory=Counter)
    before: Callable[[Transaction], None] | None = None  # what else belongs to the same commit


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a round: the verdicts as they ended, and what was added to files."""

    work: Sequence[tuple[TaskResult, Sequence[Judged]]]
    appended: Sequence[Appended]

    @property
    def judged(self) -> list[Judged]:
        """All verdicts."""
        return [verdict for _, judged in self.work for verdict in judged]


class Committer:
    """Commits rounds; belongs to whoever holds the converter's lock."""

    def __init__(
        self,
        raw: Path,
        ledger: Ledger,
        writer: PartitionWriter,
        disk: Disk,
        schema_text: str,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock = clock
        self._raw = raw
        self._ledger = ledger
        self._writer = writer
        self._disk = disk
        self._schema_text = schema_text
        self._schema_id: int | None = None
        self._bound = PartitionLimit(ledger)

    def use_schema(self, text: str) -> None:
        """File by this schema (JSON) from now on."""
        self._schema_text = text
        self._schema_id = None

    def forget(self) -> None:
        """Another ledger is in the place of the one that was open: nothing of it is known."""
        self._schema_id = None

    def recover(self) -> None:
        """Bring files back to the last commit.  Raises `LostFile` if committed bytes are gone."""
        self._bound.forget()
        recovered = self._writer.recover()
        if recovered.lost_files:
            raise LostFile(recovered.lost_files[0])

    def commit(self, finished: Round) -> Committed:
        """
        Make *finished* last.  Returns the verdicts as they ended, duplicates told apart.

        Raises:
            OSError, StorageError: Nothing of it counts; `recover` comes next.
        """
        if self._schema_id is None:
            with self._ledger.transaction() as transaction:
                self._schema_id = transaction.schema(self._schema_text)
        fresh: dict[tuple[bytes, str, str], int] = {}
        moved = self._bound.moved(frame.directory for _, result in finished.work for frame in result.frames)
        decided = [
            (task, [as_filed(verdict, moved) for verdict in self.mark_duplicates(task, result.judged, fresh)])
            for task, result in finished.work
        ]
        frames: list[Frame] = []
        for (task, judged), (_, result) in zip(decided, finished.work, strict=True):
            repeats = [verdict for verdict in judged if verdict.verdict is Verdict.DUPLICATE]
            doomed = frozenset(verdict.index for verdict in repeats)
            frames += [
                Frame(moved.get(frame.directory, frame.directory), frame.data, len(frame.members))
                for frame in without(result.frames, doomed)
            ]
            frames += [self._conflict(task.items[v.index], v) for v in repeats if v.reason == CONFLICT]
        self._sync_raw(finished.unsealed_segments)
        self._writer.prepare((frame.directory for frame in frames), self._schema_id)
        counts: Counts = Counter(finished.damage)
        # Ids and waits expire by this: a clock that is behind must not make them old.
        now = self._now()
        with self._ledger.transaction() as transaction:
            if finished.before is not None:
                finished.before(transaction)
            for name, position in finished.positions.items():
                transaction.move_segment(name, position)
            for task, judged in decided:
                for verdict in judged:
                    self._enter(transaction, counts, task.items[verdict.index], verdict, now)
            appended = self._writer.write(transaction, frames)
            transaction.add(counts)
        results = (result for _, result in finished.work)
        return Committed([(r, judged) for r, (_, judged) in zip(results, decided, strict=True)], appended)

    def _now(self) -> datetime:
        """The wall clock, but not before what was believed of it."""
        now, record = self._clock(), self._ledger.clock()
        return now if record is None else max(now, datetime.fromtimestamp(record.believed, UTC))

    def _sync_raw(self, segments: Iterable[Path]) -> None:
        """What counts as read must be on disk, even if its writer had no time to sync it, or was killed."""
        for path in segments:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._disk.sync_data(descriptor)
            finally:
                os.close(descriptor)

    def mark_duplicates(
        self, task: Task, verdicts: Iterable[Judged], fresh: dict[tuple[bytes, str, str], int]
    ) -> list[Judged]:
        """
        The verdicts with duplicates told apart, by the ledger and by what this round stores.

        A broken body under the id of a stored ping is a repeat with other bytes; what was in
        quarantine before its id was taken stays there.
        """
        judged = []
        for verdict in verdicts:
            is_stored = verdict.verdict is Verdict.STORED
            is_refused = verdict.verdict is Verdict.QUARANTINED and isinstance(
                task.items[verdict.index], RawItem
            )
            if verdict.document_id is not None and (is_stored or is_refused):
                key = verdict.document_id, verdict.namespace, verdict.doctype
                first = fresh.get(key)
                if first is None:
                    first = self._ledger.seen_digest(*key)
                if first is not None:
                    is_same = first in (verdict.digest, UNKNOWN_DIGEST)
                    reason = "" if is_stored and is_same else CONFLICT
                    detail = "" if is_stored else verdict.detail
                    repeat = replace(verdict, verdict=Verdict.DUPLICATE, reason=reason, detail=detail)
                    judged.append(repeat)
                    continue
                if is_stored:
                    fresh[key] = verdict.digest
            judged.append(verdict)
        return judged

    def _conflict(self, item: Item, judged: Judged) -> Frame:
        """The bytes of a repeat that differs from the first, which only the ledger could tell."""
        assert judged.document_id is not None
        line = submission_line(
            read_item(self._raw, item),
            document_id=str(UUID(bytes=judged.document_id)),
            namespace=judged.namespace,
            doctype=judged.doctype,
            reason=CONFLICT,
            detail="another ping was stored under this id before; its record stays",
        )
        return Frame(f"quarantine/{judged.day}/{CONFLICT}", compress_frame(line + b"\n"), 1)

    def _enter(
        self, transaction: Transaction, counts: Counts, item: Item, judged: Judged, now: datetime
    ) -> None:
        """One verdict into the books."""
        day = judged.day
        if judged.verdict is Verdict.DAMAGED:
            assert isinstance(item, RawItem)
            day = item.segment.partition("/")[0]
            counts[day, Entry.DAMAGED_RECORDS, ""] += 1
            counts[day, Entry.DAMAGED_BYTES, ""] += judged.length
            return
        if isinstance(item, QuarantinedItem):
            counts[day, Entry.QUARANTINED, item.reason] -= 1
        elif item.pending_id is None:
            counts[day, Entry.RECEIVED, ""] += 1
        elif judged.verdict is not Verdict.AWAITING:
            transaction.stop_waiting(item.pending_id)
        for name, count in judged.notes.items():
            counts[day, Entry.NOTE, name] += count
        match judged.verdict:
            case Verdict.STORED:
                assert judged.document_id is not None
                transaction.remember(
                    judged.document_id,
                    judged.namespace,
                    judged.doctype,
                    digest=judged.digest,
                    day=max(day, f"{now:%Y%m%d}"),
                    directory=judged.directory,
                )
                counts[day, Entry.STORED, ""] += 1
                counts[day, Entry.HISTOGRAM_KEPT, ""] += judged.histograms_kept
                for reason, count in judged.dropped.items():
                    counts[day, Entry.HISTOGRAM_DROPPED, reason] += count
            case Verdict.DUPLICATE:
                counts[day, Entry.DUPLICATE, ""] += 1
                counts[day, Entry.CONFLICT, ""] += judged.reason == CONFLICT
            case Verdict.QUARANTINED:
                counts[day, Entry.QUARANTINED, judged.reason] += 1
            case Verdict.AWAITING:
                self._wait(transaction, item, judged, now)
        if judged.document_id is not None and judged.verdict in (Verdict.DUPLICATE, Verdict.QUARANTINED):
            transaction.refuse(
                judged.document_id,
                received_at=judged.received_at,
                outcome=judged.verdict,
                reason=judged.reason,
                detail=judged.detail,
            )

    @staticmethod
    def _wait(transaction: Transaction, item: Item, judged: Judged, now: datetime) -> None:
        """One submission waits for its revision; what is in quarantine stays there meanwhile."""
        assert judged.revision is not None
        revision = revision_key(judged.revision)
        if isinstance(item, QuarantinedItem):
            return
        if item.pending_id is not None:
            transaction.wait_for(item.pending_id, revision)
            return
        transaction.wait(
            judged.document_id,
            segment=item.segment,
            offset=item.offset,
            length=item.length,
            day=judged.day,
            revision=revision,
            since=int(now.timestamp()),
        )


def stored_places(judged: Iterable[Judged]) -> dict[int, tuple[str, str]]:
    """Directory and day of each item that was stored, by its index."""
    return {
        verdict.index: (verdict.directory, verdict.day)
        for verdict in judged
        if verdict.verdict is Verdict.STORED
    }


def without(frames: Iterable[PackedFrame], doomed: frozenset[int]) -> list[PackedFrame]:
    """The frames without the lines of the items in *doomed*."""
    kept = []
    for frame in frames:
        if doomed.isdisjoint(frame.members):
            kept.append(frame)
            continue
        lines = decompress_frame(frame.data).splitlines(keepends=True)
        wanted = [pair for pair in zip(lines, frame.members, strict=True) if pair[1] not in doomed]
        if wanted:
            data = compress_frame(b"".join(line for line, _ in wanted))
            kept.append(PackedFrame(frame.directory, data, tuple(member for _, member in wanted)))
    return kept


def revision_key(revision: Revision) -> str:
    """A revision as the ledger writes it."""
    return f"{revision.repository}/rev/{revision.changeset}"


def revision_of(key: str) -> Revision:
    """The revision that `revision_key` wrote."""
    repository, _, changeset = key.rpartition("/rev/")
    return Revision(repository, changeset)
