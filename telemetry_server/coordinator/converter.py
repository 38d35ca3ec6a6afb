"""
The coordinator: reads submissions from raw/, has them converted, and commits the results.

It never waits for a revision server.  A ping without definitions is committed as
pending, the definitions are fetched in the background, and the ping is converted again
after the fetch.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from histogram_specs.cache.fetcher import SpecFetcher
from histogram_specs.revision import Revision
from storage.disk import Disk
from storage.ledger.opening import check_fit, open_ledger
from storage.ledger.values import SEGMENT_START, SegmentPosition
from storage.lock import FileLock
from storage.partitions.writer import PartitionWriter
from storage.raw.listing import SegmentListing, WaitingSegments
from storage.raw.segment_paths import SegmentPath
from storage.raw.submission import Submission
from storage.raw.writer import utc_now
from telemetry_server.coordinator.batch_planner import Plan, plan_round, round_bytes
from telemetry_server.coordinator.commit import Committer, Round, stored_places
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.definition_fetches import DefinitionFetches
from telemetry_server.coordinator.deletion_orders import OrderEntries
from telemetry_server.coordinator.pending_retry import PendingPings
from telemetry_server.coordinator.process_pool import ConversionPool
from telemetry_server.coordinator.run_summary import Labels, RunSummary
from telemetry_server.coordinator.work_items import AwaitingResult, ItemResult, Task, TaskResult
from telemetry_server.tables.keeper import TableKeeper
from telemetry_server.tables.task_rows import DefinitionFinder

ROUNDS_PER_TURN = 32  # after them the lock is released once, for other processes
LAST_PART = 0.25
"""The part of a batch of rows that is written beside the last round: after it, the other cores would wait."""


class Converter:
    """
    Converts the submissions of one data root.  Use it with ``async with``.

    Several processes may convert the same data root: each takes the converter's lock
    for a turn, and starts from the state of the ledger.
    """

    def __init__(
        self,
        setup: ConversionSetup,
        pool: ConversionPool,
        fetcher: SpecFetcher | None,
        *,
        labels: Labels,
        disk: Disk | None = None,
        on_progress: Callable[[RunSummary], None] | None = None,
        on_unreachable: Callable[[Revision, str], None] | None = None,
        on_wait: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._on_wait = on_wait
        self._clock = clock
        self._setup = setup
        self.root = setup.root
        self.pool = pool
        self.fetcher = fetcher
        self._labels = labels
        self.disk = disk or Disk()
        self._on_progress = on_progress
        self._fetches = DefinitionFetches(fetcher, on_unreachable=on_unreachable)
        self._generation: int | None = None
        self._ends_with_raw = False  # whether this process ends when raw/ is read
        self.summary = RunSummary()
        self.fetch_ended = self._fetches.ended  # set when a fetch has ended: pending pings may be ready

    async def __aenter__(self) -> "Converter":
        self.root.prepare(self.disk)
        self._lock = FileLock(self.root.state / "converter.lock")
        self.ledger = open_ledger(self.root, self.disk)
        self._waiting = WaitingSegments(SegmentListing(self.root.raw))
        self._writer = PartitionWriter(self.root.path, self.ledger, self.disk)
        self.committer = Committer(
            self.root.raw,
            self.ledger,
            self._writer,
            self.disk,
            self._setup.schema_text,
            clock=self._clock,
            writable=self._writable,
            orders=OrderEntries(self.root, self.disk),
        )
        self._pending = PendingPings(
            self.ledger, self.pool, self._fetches, self._setup, self._finish_pending, clock=self._clock
        )
        self.tables = None
        if self._setup.tables:
            self.tables = TableKeeper(self.root, self.ledger, self.disk, self._definition_finder)
        return self

    def _writable(self, submission: Submission) -> Submission:
        return self._setup.writable(submission)

    def _definition_finder(self) -> DefinitionFinder:
        return self._setup.definition_finder()

    async def __aexit__(self, *_: object) -> None:
        await self._fetches.cancel()
        if self.tables is not None:
            await self.tables.close()
        self._writer.close()
        self.ledger.close()
        self._lock.release()

    def use(self, setup: ConversionSetup) -> None:
        """Convert with *setup* from the next turn on; call it between turns."""
        self._setup = setup
        self.pool.use(setup)
        self._pending.use(setup)
        self.committer.use_schema(setup.schema_text)

    # -- turns

    async def convert_waiting(self, *, should_stop: Callable[[], bool] = lambda: False) -> None:
        """
        Convert everything in raw/ that is not converted, and all pending pings that are ready.

        Raises:
            OSError, StorageError: The disk refuses; the last commit remains, the rest is converted later.
        """
        while not should_stop():
            async with self.turn():
                is_done = await self._read_on(should_stop)
                await self._pending.convert_ready()
                await self.advance_tables()
            if is_done:
                return

    async def advance_tables(self, part: float = 1) -> None:
        """Add new records to the tables that are due, or fill a *part* of a batch; the lock must be held."""
        if self.tables is not None:
            await self.tables.advance(part=part)

    async def finish_tables(
        self,
        *,
        catch_up: bool = True,
        should_stop: Callable[[], bool] = lambda: False,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        """
        Put all records into the tables; with *catch_up* off, only those that this run converted.

        Args:
            on_bytes: Called with the bytes of lines that each step read back.

        Raises:
            OSError, StorageError: The disk refuses; the rest is read back later.
        """
        while self.tables is not None and not should_stop():
            async with self.turn():
                await self.tables.advance(at_once=True, catch_up=catch_up)
            on_bytes(self.tables.take_bytes_read())
            if not self.tables.has_work(catch_up=catch_up):
                return
            await self.tables.wait()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the converter's lock: files match the ledger, and no other process commits."""
        if not await asyncio.to_thread(self._lock.acquire, wait=False):
            self._on_wait()
            await asyncio.to_thread(self._lock.acquire, wait=True)
        try:
            self._catch_up()
            yield
        finally:
            self._lock.release()

    def _catch_up(self) -> None:
        """Start from the last commit, after a start, a turn of another process or a failure."""
        if self.ledger.follow_replacement():
            check_fit(self.root)
            self._generation = None
            self.committer.forget()
        generation = self.ledger.generation()
        if generation != self._generation:
            self.committer.recover()
            self._generation = self.ledger.generation()
            if self.tables is not None:
                self.tables.look_again()
        self.pool.forgotten = self.ledger.forgotten_version()

    async def _read_on(self, should_stop: Callable[[], bool]) -> bool:
        """Convert a turn's rounds, each while the one before is committed.  Return whether raw/ is read."""
        positions = await asyncio.to_thread(self._committed_positions)
        plan = await self._plan(positions)
        converting = self._start_converting(plan)
        for rounds_left in reversed(range(ROUNDS_PER_TURN)):
            if plan.is_empty:
                await converting
                return True
            positions = {**positions, **plan.positions}
            # After the turn another process may commit: what was converted ahead would be converted again.
            following = await self._plan(positions) if rounds_left and not should_stop() else Plan()
            next_converting = self._start_converting(following)
            try:
                if self._ends_with_raw and following.is_empty and rounds_left:
                    await self.advance_tables(LAST_PART)
                await self._commit(plan, await converting)
            except BaseException:
                converting.cancel()
                next_converting.cancel()
                raise
            plan, converting = following, next_converting
        await converting
        return False

    def _committed_positions(self) -> dict[str, SegmentPosition]:
        """Return the committed position of each segment that is not read to its end."""
        positions = self._positions_of(self._waiting.segments())
        self._waiting.drop_finished(positions)
        return positions

    def _positions_of(self, segments: Iterable[SegmentPath]) -> dict[str, SegmentPosition]:
        names = [segment.name for segment in segments]
        known = self.ledger.positions(names)
        return {name: known.get(name, SEGMENT_START) for name in names}

    async def _plan(self, positions: Mapping[str, SegmentPosition]) -> Plan:
        def plan() -> Plan:
            waiting = self._waiting.segments()
            new_segments = self._positions_of(each for each in waiting if each.name not in positions)
            max_bytes = round_bytes(self.pool.processes, with_rows=self._setup.tables)
            return plan_round(waiting, {**positions, **new_segments}, max_bytes)

        return await asyncio.to_thread(plan)

    def _start_converting(self, plan: Plan) -> "asyncio.Task[list[tuple[Task, TaskResult]]]":
        tasks = plan.tasks(self.pool.processes, self._fetches.newest_missing)

        async def convert() -> list[tuple[Task, TaskResult]]:
            return list(zip(tasks, await self.pool.convert(tasks), strict=True))

        return asyncio.create_task(convert())

    async def _commit(self, plan: Plan, work: list[tuple[Task, TaskResult]]) -> None:
        finished = Round(work, plan.positions, plan.unsealed_segments, plan.damage + plan.removed)
        self.summary.add_damage(plan.damage)
        await self._finish(finished, received=True)

    async def _finish(self, finished: Round, *, received: bool) -> None:
        """Commit and count a round, and start fetching the definitions that its pings wait for."""
        try:
            results = await asyncio.to_thread(self.commit_round, finished)
        except BaseException:
            self._generation = None  # a half-written commit is recovered before the next turn
            raise
        self.summary.add(results, received=received, labels=self._labels)
        self._fetches.start({result.revision for result in results if isinstance(result, AwaitingResult)})
        if self._on_progress is not None:
            self._on_progress(self.summary)
        await self.advance_tables()

    def commit_round(self, finished: Round) -> list[ItemResult]:
        """Commit *finished*, pass its rows on to the tables, and return the final results."""
        committed = self.committer.commit(finished)
        if self.tables is not None:
            tasks = ((packed.rows, stored_places(results)) for packed, results in committed.work)
            self.tables.add(tasks, committed.appended)
        return committed.results

    async def _finish_pending(self, work: Sequence[tuple[Task, TaskResult]]) -> None:
        await self._finish(Round(work), received=False)

    @property
    def missing(self) -> frozenset[Revision]:
        """Revisions that the revision server does not have."""
        return self._fetches.missing

    async def fetch(self, revisions: Iterable[Revision]) -> None:
        """Fetch *revisions*, as far as that is possible now."""
        await self._fetches.finish(revisions)

    def retry_unreachable(self) -> None:
        """Have the next turn fetch unreachable revisions again."""
        self._fetches.retry_unreachable()

    async def convert_all(self, *, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Convert everything, and wait for fetches as long as one is running."""
        self.summary.waited_before = self.ledger.pending_count()
        self._ends_with_raw = True
        await self.convert_waiting(should_stop=should_stop)
        while (self._pending.has_more_to_check or self._fetches.is_running) and not should_stop():
            if not self._pending.has_more_to_check:
                await self.fetch_ended.wait()
            await self.convert_waiting(should_stop=should_stop)
        await self.finish_tables(should_stop=should_stop)
        self.summary.pending = self.ledger.pending_count()
