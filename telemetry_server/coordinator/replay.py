"""
Puts quarantined submissions through today's definitions and schemas again.

What is judged otherwise than before leaves its quarantine file in the commit
that stores it: the file is rewritten without it, under a new name, so a
replay that is cut short changes nothing, and a second one finds nothing to do.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from histogram_specs.revision import Revision
from storage.ledger.transaction import Transaction
from storage.ledger.values import StoredFile
from storage.partitions.compact import CLOSED_LEVEL, write_lines
from storage.partitions.frames import read_lines
from storage.partitions.reader import Filter
from storage.partitions.writer import doubt_new, remove_doubtful
from telemetry_server.coordinator.commit import Round, without
from telemetry_server.coordinator.converter import Converter
from telemetry_server.coordinator.work_items import Judged, QuarantinedItem, Task, TaskResult, Verdict
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.quarantine_line import read_submission_line
from telemetry_server.outcomes.timestamps import timestamp

BATCH_LINES = 512
BATCH_BYTES = 8 << 20


@dataclass(slots=True)
class Replayed:
    """What a replay came to, or would."""

    examined: int = 0
    stored: int = 0
    duplicate: int = 0
    requarantined: Counter[str] = field(default_factory=Counter)  # under another reason than before
    unchanged: int = 0
    waiting: int = 0  # their revision server cannot be reached; they stay where they are

    def count(self, judged: Judged, reason: str) -> None:
        """Count one verdict on what was quarantined for *reason*."""
        self.examined += 1
        if judged.verdict is Verdict.STORED:
            self.stored += 1
        elif judged.verdict is Verdict.DUPLICATE:
            self.duplicate += 1
        elif judged.verdict is Verdict.AWAITING:
            self.waiting += 1
        elif judged.reason == reason:
            self.unchanged += 1
        else:
            self.requarantined[judged.reason] += 1

    def as_json(self) -> dict[str, Any]:
        """The object that ``replay --json`` prints."""
        return {
            "examined": self.examined,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "requarantined": dict(sorted(self.requarantined.items())),
            "unchanged": self.unchanged,
            "waiting": self.waiting,
        }


class Replayer:
    """Replays quarantine with the pool, fetcher and ledger of a converter."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._root = converter.root
        self._ledger = converter.ledger

    def _files(self, reason: str | None, day: str | None) -> list[StoredFile]:
        reasons = set(QuarantineReason)
        wanted = Filter(day, (("reason", reason),) if reason else ())
        return [
            file
            for file in self._ledger.files("quarantine")
            if wanted.matches(file.directory, ["reason"]) and file.directory.rpartition("/")[2] in reasons
        ]

    async def replay(self, *, reason: str | None, day: str | None, dry_run: bool) -> Replayed:
        """
        Replay all, or what was refused for *reason* and arrived on *day* (YYYYMMDD).

        Raises:
            OSError, StorageError: The disk refuses; what was committed so far stands.
        """
        # Definitions are fetched before the lock is taken: a live converter goes on meanwhile.
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
            for lines in self._batches(file):
                result = await self._judge(_task(lines, frozenset()))
                awaited |= {judged.revision for judged in result.judged if judged.revision is not None}
        await self._converter.fetch(awaited)

    def _batches(self, file: StoredFile) -> Iterator[list[bytes]]:
        with (self._root.path / file.path).open("rb") as stream:
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

    async def _judge(self, task: Task) -> TaskResult:
        (result,) = await self._converter.pool.judge([task])
        return result

    async def _replay_file(self, file: StoredFile, total: Replayed, *, dry_run: bool) -> None:
        work: list[tuple[Task, TaskResult]] = []
        staying: list[int] = []  # numbers of lines in the file
        fresh: dict[tuple[bytes, str, str], int] = {}
        number = 0
        for lines in self._batches(file):
            task = _task(lines, self._converter.missing)
            result = await self._judge(task)
            moving = []
            for judged in self._converter.committer.mark_duplicates(task, result.judged, fresh):
                reason = task.items[judged.index].reason  # type: ignore[union-attr]
                total.count(judged, reason)
                if judged.verdict is Verdict.AWAITING or judged.reason == reason:
                    staying.append(number + judged.index)
                else:
                    moving.append(judged.index)
            number += len(lines)
            if moving:
                stay = frozenset(range(len(lines))) - frozenset(moving)
                kept = tuple(judged for judged in result.judged if judged.index not in stay)
                work.append((task, TaskResult(kept, tuple(without(result.frames, stay)), result.rows)))
        if work and not dry_run:
            await asyncio.to_thread(self._commit, file, work, staying)
            await self._converter.advance_tables()

    def _commit(self, file: StoredFile, work: list[tuple[Task, TaskResult]], staying: list[int]) -> None:
        rest = self._write_rest(file, staying) if staying else None
        leaving = [
            (judged.document_id, task.items[judged.index])
            for task, result in work
            for judged in result.judged
            if judged.document_id is not None
        ]

        def also(transaction: Transaction) -> None:
            for document_id, item in leaving:
                assert isinstance(item, QuarantinedItem)
                transaction.unrefuse(document_id, received_at=_moment(item), reason=item.reason)
            transaction.drop_file(file)
            if rest is not None:
                transaction.put_file(rest)
                transaction.confirm([rest.path])

        self._converter.commit_round(Round(work, before=also))
        self._converter.committer.recover()
        remove_doubtful(self._root.path, self._ledger, self._converter.disk)

    def _write_rest(self, file: StoredFile, staying: list[int]) -> StoredFile:
        """The lines that stay, in a new file that nobody knows yet."""
        with self._ledger.transaction() as transaction:
            name = f"part-{transaction.number_files(1):010}.zst"
            target = replace(file, name=name, length=0, records=0, frames=0, closed=True)
            doubt_new(self._root.path, transaction, [target.path])
        wanted = set(staying)

        def lines() -> Iterator[bytes]:
            with (self._root.path / file.path).open("rb") as stream:
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


def _moment(item: QuarantinedItem) -> str:
    return timestamp(item.submission.received_at)
