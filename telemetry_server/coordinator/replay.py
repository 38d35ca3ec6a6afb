"""
Converts quarantined submissions again, with today's definitions and schemas.

A submission with another result than before leaves its quarantine file in the commit that
stores it: the remaining lines go into a new file.  An interrupted replay therefore changes
nothing, and a second replay finds nothing to do.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from histogram_specs.revision import Revision
from storage.errors import LostFile
from storage.ledger.transaction import Transaction
from storage.ledger.values import StoredFile
from storage.partitions.compact import CLOSED_LEVEL, write_lines
from storage.partitions.frames import read_lines
from storage.partitions.reader import Filter
from storage.partitions.writer import doubt_new, remove_doubtful
from telemetry_server.coordinator.commit import Digests, Round, without
from telemetry_server.coordinator.converter import Converter
from telemetry_server.coordinator.work_items import (
    AwaitingResult,
    DuplicateResult,
    ItemResult,
    QuarantinedItem,
    RefusedResult,
    StoredResult,
    Task,
    TaskResult,
)
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.quarantine_line import read_submission_line
from telemetry_server.outcomes.timestamps import timestamp

BATCH_LINES = 512
BATCH_BYTES = 8 << 20


@dataclass(slots=True)
class Replayed:
    """The counts of a replay, or of a dry run."""

    examined: int = 0
    stored: int = 0
    duplicate: int = 0
    requarantined: Counter[str] = field(default_factory=Counter)  # under another reason than before
    unchanged: int = 0
    waiting: int = 0  # the revision server cannot be reached; they stay in quarantine

    def count(self, result: ItemResult, reason: str) -> None:
        """Count the result of a submission that was quarantined for *reason*."""
        self.examined += 1
        match result:
            case StoredResult():
                self.stored += 1
            case DuplicateResult():
                self.duplicate += 1
            case AwaitingResult():
                self.waiting += 1
            case RefusedResult(reason=new_reason):
                if new_reason == reason:
                    self.unchanged += 1
                else:
                    self.requarantined[new_reason] += 1

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``replay --json`` prints."""
        return {
            "examined": self.examined,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "requarantined": dict(sorted(self.requarantined.items())),
            "unchanged": self.unchanged,
            "waiting": self.waiting,
        }


class Replayer:
    """Replays quarantined submissions with the pool, fetcher and ledger of a converter."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._root = converter.root
        self._ledger = converter.ledger

    def _files(self, reason: str | None, day: str | None) -> list[StoredFile]:
        # What identified a ping of an anonymous store is gone: replayed, the ping would be stored as if it
        # had kept the rule.  Only an operator who asks for it gets that.
        reasons = set(QuarantineReason) - ({QuarantineReason.PRIVACY_VIOLATION} if reason is None else set())
        wanted = Filter(day, (("reason", reason),) if reason else ())
        return [
            file
            for file in self._ledger.files("quarantine")
            if wanted.matches(file.directory, ["reason"]) and file.directory.rpartition("/")[2] in reasons
        ]

    async def replay(self, *, reason: str | None, day: str | None, dry_run: bool) -> Replayed:
        """
        Replay all of quarantine, or only one *reason* or *day* of arrival (YYYYMMDD).

        Raises:
            OSError, StorageError: The disk refuses, or a file is missing; commits so far remain.
        """
        # Fetch definitions before taking the lock, so that a running converter can continue meanwhile.
        await self._fetch_awaited(reason, day)
        total = Replayed()
        async with self._converter.turn():
            for file in self._files(reason, day):
                await self._replay_file(file, total, dry_run=dry_run)
        if not dry_run:
            await self._converter.finish_tables()
        return total

    async def _fetch_awaited(self, reason: str | None, day: str | None) -> None:
        awaited: set[Revision] = set()
        for file in self._files(reason, day):
            try:
                for lines in self._batches(file):
                    converted = await self._convert(_task(lines, frozenset()))
                    awaited |= {
                        result.revision for result in converted.results if isinstance(result, AwaitingResult)
                    }
            except LostFile:
                if file.path in {listed.path for listed in self._files(reason, day)}:
                    raise
                # Merged into another file meanwhile: what lacks a definition waits for the next replay.
        await self._converter.fetch(awaited)

    def _batches(self, file: StoredFile) -> Iterator[list[bytes]]:
        with self._opened(file) as stream:
            batch: list[bytes] = []
            size = 0
            for line in read_lines(stream, file.length):
                batch.append(line)
                size += len(line)
                if len(batch) >= BATCH_LINES or size >= BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
            if batch:
                yield batch

    def _opened(self, file: StoredFile) -> BinaryIO:
        try:
            return (self._root.path / file.path).open("rb")
        except FileNotFoundError:
            raise LostFile(file.path) from None

    async def _convert(self, task: Task) -> TaskResult:
        (converted,) = await self._converter.pool.convert([task])
        return converted

    async def _replay_file(self, file: StoredFile, total: Replayed, *, dry_run: bool) -> None:
        work: list[tuple[Task, TaskResult]] = []
        staying: list[int] = []  # numbers of lines in the file
        stored_now: Digests = {}
        number = 0
        for lines in self._batches(file):
            task = _task(lines, self._converter.missing)
            converted = await self._convert(task)
            moving = []
            for result in self._converter.committer.mark_duplicates(task, converted.results, stored_now):
                reason = task.items[result.index].reason  # type: ignore[union-attr]
                total.count(result, reason)
                if _stays(result, reason):
                    staying.append(number + result.index)
                else:
                    moving.append(result.index)
            number += len(lines)
            if moving:
                stay = frozenset(range(len(lines))) - frozenset(moving)
                kept = tuple(result for result in converted.results if result.index not in stay)
                frames = tuple(without(converted.frames, stay))
                work.append((task, TaskResult(kept, frames, converted.rows)))
        if work and not dry_run:
            await asyncio.to_thread(self._commit, file, work, staying)
            await self._converter.advance_tables()

    def _commit(self, file: StoredFile, work: list[tuple[Task, TaskResult]], staying: list[int]) -> None:
        rest = self._write_rest(file, staying) if staying else None
        leaving = [
            (result.document_id, task.items[result.index])
            for task, converted in work
            for result in converted.results
            if isinstance(result, StoredResult | RefusedResult) and result.document_id is not None
        ]

        def remove_from_quarantine(transaction: Transaction) -> None:
            for document_id, item in leaving:
                assert isinstance(item, QuarantinedItem)
                transaction.forget_refusal(
                    document_id, received_at=timestamp(item.submission.received_at), reason=item.reason
                )
            transaction.drop_file(file)
            if rest is not None:
                transaction.put_file(rest)
                transaction.confirm([rest.path])

        self._converter.commit_round(Round(work, before=remove_from_quarantine))
        self._converter.committer.recover()
        remove_doubtful(self._root.path, self._ledger, self._converter.disk)

    def _write_rest(self, file: StoredFile, staying: list[int]) -> StoredFile:
        """Write the lines that stay to a new file, which no commit refers to yet."""
        with self._ledger.transaction() as transaction:
            name = f"part-{transaction.number_files(1):010}.zst"
            target = replace(file, name=name, length=0, records=0, frames=0, closed=True)
            doubt_new(self._root.path, transaction, [target.path])
        wanted = set(staying)

        def lines() -> Iterator[bytes]:
            with self._opened(file) as stream:
                for number, line in enumerate(read_lines(stream, file.length)):
                    if number in wanted:
                        yield line

        return write_lines(self._root.path, self._converter.disk, target, lines(), CLOSED_LEVEL)


def _task(lines: list[bytes], missing: frozenset[Revision]) -> Task:
    items = []
    for line in lines:
        fields, submission = read_submission_line(line)
        items.append(QuarantinedItem(submission, fields["reason"]))
    return Task(tuple(items), missing)


def _stays(result: ItemResult, reason: str) -> bool:
    """Whether a submission that was quarantined for *reason* keeps its place there."""
    is_unchanged = isinstance(result, RefusedResult) and result.reason == reason
    return is_unchanged or isinstance(result, AwaitingResult)
