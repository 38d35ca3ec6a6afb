"""
The coordinator: reads on in raw/, has submissions judged, commits what came of them.

It never waits for a revision server: a ping whose definitions are not here is
committed as pending, the fetch goes on beside, and the ping is judged again
when that has ended.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from histogram_specs.cache.fetcher import SpecFetcher
from histogram_specs.history.resolver import Awaiting
from histogram_specs.revision import Revision
from storage.disk import Disk
from storage.ledger.clock import DAY_SECONDS
from storage.ledger.opening import check_fit, open_ledger
from storage.ledger.values import SEGMENT_START, UNJUDGED, PendingPing, SegmentPosition
from storage.lock import FileLock
from storage.partitions.writer import PartitionWriter
from storage.raw.listing import SegmentListing, WaitingSegments
from storage.raw.segment_paths import SegmentPath
from storage.raw.writer import utc_now
from telemetry_server.coordinator.batch_planner import ROUND_ITEMS, Plan, cut, plan_round
from telemetry_server.coordinator.commit import Committer, Round, revision_key, revision_of
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.definition_fetches import DefinitionFetches
from telemetry_server.coordinator.process_pool import ConversionPool
from telemetry_server.coordinator.run_summary import Labels, RunSummary
from telemetry_server.coordinator.work_items import RawItem, Task, TaskResult

ROUNDS_PER_TURN = 16
"""Rounds between two looks at who else wants the lock."""
CHECKED_PER_TURN = 200
"""Revisions that pings wait for, looked for in the cache in one turn."""


class Converter:
    """
    Converts what waits below one data root.  Use it with ``async with``.

    Several processes may: each takes the converter's lock for a turn and starts
    from what the ledger says then.
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
        self._resolver = setup.resolver()
        self._lookups = DefinitionFetches(fetcher, tell=on_unreachable)
        self._checked = ""  # how far the round through the awaited revisions is; "" between two
        self._generation: int | None = None
        self.tally = RunSummary()
        self.fetch_ended = self._lookups.ended
        """Set when a fetch has ended: pings may be judged now."""

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
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._lookups.cancel()
        self._writer.close()
        self.ledger.close()
        self._lock.release()

    def use(self, setup: ConversionSetup) -> None:
        """Convert as *setup* says from the next turn on; call it between turns."""
        self._setup = setup
        self._resolver = setup.resolver()
        self.pool.use(setup)
        self.committer.use_schema(setup.schema_text)

    # -- turns

    async def convert_waiting(self, *, should_stop: Callable[[], bool] = lambda: False) -> None:
        """
        Convert all that waits in raw/ and all pending pings that can be judged now.

        Raises:
            OSError, StorageError: The disk refuses; the last commit stands, the rest waits.
        """
        while not should_stop():
            async with self.turn():
                is_done = await self._read_on(should_stop)
                await self._judge_ready()
            if is_done:
                return

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The converter's lock, with files as the ledger says; nobody else commits meanwhile."""
        if not await asyncio.to_thread(self._lock.acquire, wait=False):
            self._on_wait()
            await asyncio.to_thread(self._lock.acquire, wait=True)
        try:
            self._catch_up()
            yield
        finally:
            self._lock.release()

    def _catch_up(self) -> None:
        """Start from what is committed: after a start, another's turn, or a failure of ours."""
        if self.ledger.follow_replacement():
            check_fit(self.root)
            self._generation = None
            self.committer.forget()
        generation = self.ledger.generation()
        if generation != self._generation:
            self.committer.recover()
            self._generation = self.ledger.generation()

    async def _read_on(self, should_stop: Callable[[], bool]) -> bool:
        """Up to a turn's rounds, each judged while those before are committed.  True if raw/ is read."""
        positions = await asyncio.to_thread(self._committed_positions)
        plan = await self._plan(positions)
        judging = self._judge(plan)
        for _ in range(ROUNDS_PER_TURN):
            if plan.is_empty:
                await judging
                return True
            positions = {**positions, **plan.positions}
            following = Plan() if should_stop() else await self._plan(positions)
            next_judging = self._judge(following)
            try:
                await self._commit(plan, await judging)
            except BaseException:
                next_judging.cancel()
                raise
            plan, judging = following, next_judging
        await judging  # judged in vain: the next turn starts from what is committed
        return plan.is_empty

    def _committed_positions(self) -> dict[str, SegmentPosition]:
        """How far each segment was read that may still hold something to convert."""
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
            came_since = self._positions_of(each for each in waiting if each.name not in positions)
            return plan_round(waiting, {**positions, **came_since})

        return await asyncio.to_thread(plan)

    def _judge(self, plan: Plan) -> "asyncio.Task[list[tuple[Task, TaskResult]]]":
        tasks = plan.tasks(self._lookups.newest_missing)

        async def judge() -> list[tuple[Task, TaskResult]]:
            return list(zip(tasks, await self.pool.judge(tasks), strict=True))

        return asyncio.create_task(judge())

    async def _commit(self, plan: Plan, work: list[tuple[Task, TaskResult]]) -> None:
        finished = Round(work, plan.positions, plan.unsealed_segments, plan.damage)
        self.tally.add_damage(plan.damage)
        await self._finish(finished, received=True)

    async def _finish(self, finished: Round, *, received: bool) -> None:
        """Commit, count, and start fetching what is awaited."""
        try:
            judged = await asyncio.to_thread(self.committer.commit, finished)
        except BaseException:
            self._generation = None  # what was half written is looked at before the next turn
            raise
        self.tally.add(judged, received=received, labels=self._labels)
        self._lookups.start({verdict.revision for verdict in judged if verdict.revision is not None})
        if self._on_progress is not None:
            self._on_progress(self.tally)

    # -- definitions

    @property
    def missing(self) -> frozenset[Revision]:
        """What the revision server said that it does not have."""
        return self._lookups.missing

    async def fetch(self, revisions: Iterable[Revision]) -> None:
        """Have *revisions* fetched, as far as that is possible now."""
        await self._lookups.finish(revisions)

    async def _judge_ready(self) -> None:
        """Judge pending pings whose definitions are here by now, or are known not to exist."""
        decided = self._lookups.take_ended() | await asyncio.to_thread(self._decided_meanwhile)
        keys = [UNJUDGED, *map(revision_key, decided)]
        pings = await asyncio.to_thread(self.ledger.pending, keys)
        await self._judge_pending(pings, self.missing & decided, {})
        await self._end_waits()
        if wanted := self._lookups.wanted():
            awaited = await asyncio.to_thread(self.ledger.most_awaited_revisions, wanted)
            self._lookups.start(map(revision_of, awaited))

    async def _judge_pending(
        self, pings: Sequence[PendingPing], missing: frozenset[Revision], given_up: Mapping[Revision, str]
    ) -> None:
        ready = [RawItem(ping.segment, ping.offset, ping.length, ping.pending_id) for ping in pings]
        for start in range(0, len(ready), ROUND_ITEMS):
            tasks = cut(ready[start : start + ROUND_ITEMS], missing, given_up)
            work = list(zip(tasks, await self.pool.judge(tasks), strict=True))
            await self._finish(Round(work), received=False)

    async def _end_waits(self) -> None:
        """Judge without definitions what has waited for `pending_days` and was just asked for in vain."""
        answers = self._lookups.out_of_reach()
        if not answers:
            return
        days = self._setup.pending_days
        wall, record = int(self._clock().timestamp()), await asyncio.to_thread(self.ledger.clock)
        now = wall if record is None else record.expiry_time(wall)
        keys = [revision_key(revision) for revision in answers]
        since_before = now - int(days * DAY_SECONDS)
        pings = await asyncio.to_thread(self.ledger.pending, keys, since_before=since_before)
        if not pings:
            return
        given_up = {
            revision: f"no definitions of {revision} within {days:g} days; the last answer: {answer}"
            for revision, answer in answers.items()
        }
        await self._judge_pending(pings, frozenset(), given_up)

    def _decided_meanwhile(self) -> set[Revision]:
        """Of the awaited revisions, a few each turn: those that came into the cache, or are missing."""
        keys = self.ledger.awaited_revisions(self._checked, CHECKED_PER_TURN)
        self._checked = keys[-1] if len(keys) == CHECKED_PER_TURN else ""
        missing = self.missing
        return {
            revision
            for revision in map(revision_of, keys)
            if revision in missing
            or revision.is_pseudo
            or not isinstance(
                self._resolver.resolve(revision, channel=None, build_id=None, version=None), Awaiting
            )
        }

    def retry_unreachable(self) -> None:
        """Ask again for what could not be reached; the next turn does."""
        self._lookups.retry_unreachable()

    async def convert_all(self, *, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Convert what waits, and wait for fetches as long as one may still answer."""
        self.tally.waited_before = self.ledger.pending_count()
        await self.convert_waiting(should_stop=should_stop)
        while (self._checked or self._lookups.is_running) and not should_stop():
            if not self._checked:
                await self.fetch_ended.wait()
            await self.convert_waiting(should_stop=should_stop)
        self.tally.pending = self.ledger.pending_count()
