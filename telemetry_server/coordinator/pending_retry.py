"""Converts pings that wait for definitions, once these have arrived or the wait has ended."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from histogram_specs.history.resolver import Awaiting
from histogram_specs.revision import Revision
from storage.ledger.clock import DAY_SECONDS
from storage.ledger.ledger import Ledger
from storage.ledger.values import UNJUDGED, PendingPing
from telemetry_server.coordinator.batch_planner import ROUND_ITEMS, cut
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.definition_fetches import DefinitionFetches
from telemetry_server.coordinator.ledger_entries import revision_key, revision_of
from telemetry_server.coordinator.process_pool import ConversionPool
from telemetry_server.coordinator.work_items import RawItem, Task, TaskResult

CHECKED_PER_TURN = 200
"""Awaited revisions that are looked up in the cache in one turn."""

Finish = Callable[[Sequence[tuple[Task, TaskResult]]], Awaitable[None]]


class PendingPings:
    """
    The pending pings of one ledger.

    Args:
        finish: Commits the results of pending pings.
    """

    def __init__(
        self,
        ledger: Ledger,
        pool: ConversionPool,
        fetches: DefinitionFetches,
        setup: ConversionSetup,
        finish: Finish,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._pool = pool
        self._fetches = fetches
        self._finish = finish
        self._clock = clock
        self._last_checked = ""  # last awaited revision that was looked up; "" at the start
        self.use(setup)

    def use(self, setup: ConversionSetup) -> None:
        """Use *setup* from now on."""
        self._pending_days = setup.pending_days
        self._resolver = setup.resolver()

    @property
    def has_more_to_check(self) -> bool:
        """Whether awaited revisions are left to look up before all were looked up once."""
        return bool(self._last_checked)

    async def convert_ready(self) -> None:
        """Convert pending pings whose definitions have arrived, or are known not to exist."""
        decided = self._fetches.take_ended() | await asyncio.to_thread(self._decided_meanwhile)
        keys = [UNJUDGED, *map(revision_key, decided)]
        pings = await asyncio.to_thread(self._ledger.pending, keys)
        await self._convert(pings, self._fetches.missing & decided, {})
        await self._end_waits()
        if wanted := self._fetches.wanted():
            awaited = await asyncio.to_thread(self._ledger.most_awaited_revisions, wanted)
            self._fetches.start(map(revision_of, awaited))

    async def _convert(
        self, pings: Sequence[PendingPing], missing: frozenset[Revision], given_up: Mapping[Revision, str]
    ) -> None:
        ready = [RawItem(ping.segment, ping.offset, ping.length, ping.pending_id) for ping in pings]
        for start in range(0, len(ready), ROUND_ITEMS):
            tasks = cut(ready[start : start + ROUND_ITEMS], self._pool.processes, missing, given_up)
            await self._finish(list(zip(tasks, await self._pool.convert(tasks), strict=True)))

    async def _end_waits(self) -> None:
        """Convert pings that waited for `pending_days`, without definitions, after one more failed fetch."""
        answers = self._fetches.out_of_reach()
        if not answers:
            return
        days = self._pending_days
        wall, record = int(self._clock().timestamp()), await asyncio.to_thread(self._ledger.clock)
        now = wall if record is None else record.expiry_time(wall)
        keys = [revision_key(revision) for revision in answers]
        since_before = now - int(days * DAY_SECONDS)
        pings = await asyncio.to_thread(self._ledger.pending, keys, since_before=since_before)
        if not pings:
            return
        given_up = {
            revision: f"no definitions of {revision} within {days:g} days; the last answer: {answer}"
            for revision, answer in answers.items()
        }
        await self._convert(pings, frozenset(), given_up)

    def _decided_meanwhile(self) -> set[Revision]:
        """Look up a few of the awaited revisions; return those that are now cached, or missing."""
        keys = self._ledger.awaited_revisions(self._last_checked, CHECKED_PER_TURN)
        self._last_checked = keys[-1] if len(keys) == CHECKED_PER_TURN else ""
        missing = self._fetches.missing
        return {
            revision
            for revision in map(revision_of, keys)
            if revision in missing
            or revision.is_pseudo
            or not isinstance(
                self._resolver.resolve(revision, channel=None, build_id=None, version=None), Awaiting
            )
        }
