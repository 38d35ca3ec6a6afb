"""
Keeps the tables up with the records, beside conversion.

A record is in the tables exactly when its bytes lie before the position ``tabled`` of its file.
Rows of a round come here after its commit and go into the tables a little later, many rounds in one
commit.  Where that chain is broken (a crash, another process, an older data root), lines are read back.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import StorageError
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TableFile
from storage.partitions.writer import Appended
from storage.tables.memory import use_system_memory
from storage.tables.merging import MAX_OPEN_DAY_PARTS, local_files, merge_parts, mergeable
from storage.tables.part_file import Scratch, ScratchFile, TablesChanged, install
from storage.tables.rows import TableRows
from storage.tables.spare_files import SpareFiles
from telemetry_server.observability import metrics
from telemetry_server.observability.loggers import get_logger
from telemetry_server.tables.batch import Batch, Prepared, files_of, install_batch, prepare
from telemetry_server.tables.catch_up import CatchUp, LostFile
from telemetry_server.tables.line_reader import LineRange, ReadBack
from telemetry_server.tables.task_rows import DefinitionFinder

log = get_logger("convert")

FEW_ROWS = 20_000
SECONDS_AT_REST, SECONDS_UNDER_LOAD = 2.5, 40.0
QUIET_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.1

Job = Callable[[], Any]


class TableKeeper:
    """
    The tables of one data root, kept by the process that converts.

    `add`, `advance` and `forget` are called while the converter's lock is held, one at a time.
    """

    def __init__(
        self,
        root: DataRoot,
        ledger: Ledger,
        disk: Disk,
        finder: Callable[[], DefinitionFinder],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        use_system_memory()
        self._root = root
        self._ledger = ledger
        self._disk = disk
        self._catch_up = CatchUp(root, ledger, finder)
        self._clock = clock
        self._scratch = Scratch(root, disk)
        self._spare = SpareFiles(disk, self._scratch.next_path)
        self._batch = Batch()
        self._began = self._grew = 0.0  # when the first and the last rows of the batch came
        self._ends: dict[str, int] = {}  # of converted files by path: what is tabled, or on its way
        self._job: asyncio.Task[Any] | None = None
        self._finish: Callable[[Any], None] = lambda _: None
        self._crowded: list[tuple[str, str]] = []  # tables and days with many parts
        self._is_off = False
        self._bytes_read = 0

    def add(
        self,
        tasks: Iterable[tuple[Sequence[TableRows], Mapping[int, tuple[str, str]]]],
        appended: Iterable[Appended],
    ) -> None:
        """
        Take the rows of a committed round.  If a task has stored items and no rows, the round is read back.

        Args:
            tasks: For each task its rows, and directory and day of each of its items that was stored.
            appended: What the round added to files.
        """
        if self._is_off:
            return
        tasks = list(tasks)
        if any(stored and not parts for parts, stored in tasks):
            self._catch_up.is_behind = self._catch_up.is_uncertain = True
            return
        continued = set()
        for added in appended:
            if not added.directory.startswith("converted/"):
                continue
            path = f"{added.directory}/{added.name}"
            if path not in self._ends:
                self._ends[path] = self._ledger.tabled_length(added.directory, added.name) or 0
            if self._ends[path] == added.start:
                self._batch.cover(path, added.start, added.end)
                self._ends[path] = added.end
                continued.add(added.directory)
            else:
                self._catch_up.is_behind = True
        now = self._clock()
        for parts, stored in tasks:
            days = {item: day for item, (directory, day) in stored.items() if directory in continued}
            for rows in parts:
                self._add_rows(rows, [days.get(item) for item in rows.items], now)

    def _add_rows(self, rows: TableRows, days: Sequence[str | None], now: float) -> None:
        if not self._batch.parts:
            self._began = now
        self._grew = now
        self._batch.add_rows(rows, days)
        metrics.tables_waiting_rows.report(self._batch.rows)

    def has_work(self, *, catch_up: bool = True) -> bool:
        """Return whether something is on its way, or with *catch_up* behind, as far as is known."""
        if self._is_off:
            return False
        return bool(
            self._job or self._batch.ranges or self._crowded or (catch_up and self._catch_up.is_behind)
        )

    def take_bytes_read(self) -> int:
        """Return how many bytes of lines were read back since the last call."""
        count, self._bytes_read = self._bytes_read, 0
        return count

    def due_in(self) -> float | None:
        """Return the seconds until `advance` has something to do; None where nothing waits."""
        if not self.has_work():
            return None
        if self._job is not None or self._catch_up.is_behind or self._crowded:
            return LOOK_AGAIN_SECONDS
        return max(LOOK_AGAIN_SECONDS, self._due_at() - self._clock())

    def _due_at(self, part: float = 1) -> float:
        if self._batch.is_full(part):
            return 0.0
        at_rest = self._began + SECONDS_AT_REST
        if self._batch.rows > FEW_ROWS:
            # Larger files are cheaper: while much arrives, rows gather for longer.
            return min(max(at_rest, self._grew + QUIET_SECONDS), self._began + SECONDS_UNDER_LOAD)
        return at_rest

    async def advance(self, *, at_once: bool = False, catch_up: bool = True, part: float = 1) -> None:
        """
        End the job that is over, and begin the next; the job itself runs beside conversion.

        Where many rows wait for a job, this waits too: memory holds few of them.

        Args:
            at_once: Do not wait until more rows have gathered.
            catch_up: Also read back what is behind.
            part: The part of a full batch for which more rows need not gather.

        Raises:
            OSError, StorageError: The disk refuses; what was committed stands, the rest is read back later.
        """
        if self._job is not None and self._batch.is_full(times=2):
            await asyncio.wait([self._job])  # files are written slower than rows come
        if self._is_off:
            return
        try:
            has_job = self._job is not None and not self._job.done()
            if self._batch.must_spill(beside_a_job=has_job):
                await asyncio.to_thread(self._batch.spill, self._spare)
            if self._job is not None:
                if not self._job.done():
                    return
                await self._end_job()
            await self._begin_job(at_once=at_once, catch_up=catch_up, part=part)
        except (OSError, StorageError):
            self.forget()
            raise
        except Exception:
            log.exception("the tables stay as they are until the next start; run tables rebuild after it")
            self._is_off = True
            self.forget()

    async def wait(self) -> None:
        """Wait until the job under way is over; `advance` ends it."""
        if self._job is not None:
            await asyncio.wait([self._job])

    async def close(self) -> None:
        """Wait for the job under way, and drop what is not committed: it is read back later."""
        await self.wait()
        self.forget()

    def forget(self) -> None:
        """Drop all that is not committed; it will be read back."""
        self._batch.close()
        self._spare.close()  # the disk may be full
        self._batch = Batch()
        self._ends.clear()
        self._catch_up.is_behind = True
        self._finish = lambda result: self._scratch.discard(files_of(result))

    def look_again(self) -> None:
        """Note that another process committed: what is behind may have changed."""
        self._catch_up.is_behind = True
        if self._job is None:
            self._forget_ends()

    def _forget_ends(self) -> None:
        """Forget how far files are on their way, but for rows that wait."""
        self._ends = {path: end for path, end in self._ends.items() if path in self._batch.ranges}

    async def _end_job(self) -> None:
        job, self._job = self._job, None
        assert job is not None
        finish, self._finish = self._finish, lambda _: None
        try:
            await asyncio.to_thread(finish, job.result())
        except TablesChanged:
            self.forget()
        if not self._batch.ranges:
            self._spare.close()  # fewer rows come than a while ago

    async def _begin_job(self, *, at_once: bool, catch_up: bool, part: float) -> None:
        # What is read back gathers too: larger files are cheaper.
        is_complete = at_once and not (catch_up and self._catch_up.is_behind)
        if self._batch.ranges and (is_complete or self._clock() >= self._due_at(part)):
            first = await asyncio.to_thread(self._number_pings, self._batch.pings)
            batch, self._batch = self._batch, Batch()
            metrics.tables_waiting_rows.report(0)
            self._start(lambda: prepare(batch, self._scratch, self._spare, first), self._install)
        elif self._crowded:
            table, day = self._crowded.pop()
            files = await asyncio.to_thread(local_files, self._ledger, table, day)
            if len(files) > MAX_OPEN_DAY_PARTS:
                chosen = mergeable(self._root, files, MAX_OPEN_DAY_PARTS // 2)
                if chosen:
                    self._start(
                        lambda: self._merge(chosen), lambda merged: self._install_merged(merged, chosen)
                    )
        elif catch_up and self._catch_up.is_behind:
            ranges = await asyncio.to_thread(self._catch_up.plan, self._ends)
            if ranges:
                self._start(lambda: self._catch_up.read(ranges), lambda read: self._take(read, ranges))

    def _number_pings(self, count: int) -> int:
        with self._ledger.transaction() as transaction:
            return transaction.number_pings(count)

    def _start(self, work: Job, finish: Callable[[Any], None]) -> None:
        self._finish = finish
        self._job = asyncio.create_task(asyncio.to_thread(work))

    def _install(self, prepared: Prepared) -> None:
        started = time.monotonic()
        try:
            files = install_batch(self._root, self._ledger, self._disk, prepared)
        except BaseException:
            self._scratch.discard(prepared.files)
            raise
        metrics.tables_commit_seconds.observe(time.monotonic() - started)
        for file in files:
            key = file.table, file.day
            if key not in self._crowded and len(local_files(self._ledger, *key)) > MAX_OPEN_DAY_PARTS:
                self._crowded.append(key)
        for path in prepared.ranges:
            if path not in self._batch.ranges:
                self._ends.pop(path, None)

    def _merge(self, chosen: Sequence[TableFile]) -> ScratchFile | None:
        try:
            return merge_parts(self._root, self._scratch, chosen)
        except (OSError, EOFError) as error:
            # The parts are as good as before; more of them make queries slower.
            log.error("parts of a table are not merged", folder=chosen[0].folder, error=str(error))
            return None

    def _install_merged(self, merged: ScratchFile | None, chosen: Sequence[TableFile]) -> None:
        if merged is None:
            return
        try:
            install(self._root, self._ledger, self._disk, [merged], old=chosen)
        except BaseException:
            self._scratch.discard([merged])
            raise

    def _take(self, read: ReadBack | LostFile, planned: Sequence[LineRange]) -> None:
        self._catch_up.is_behind = True
        is_usable = self._catch_up.settle(planned, read, self._ends, self._batch.ranges)
        if isinstance(read, LostFile) or not is_usable:
            self.forget()
            return
        if not read.ranges:  # its file is damaged
            self._forget_ends()
        self._bytes_read += sum(one.end - one.start for one in read.ranges)
        for one in read.ranges:
            self._batch.cover(one.path, one.start, one.end)
        now = self._clock()
        for day, rows in read.rows.items():
            self._add_rows(rows, [day] * len(rows.pings), now)
