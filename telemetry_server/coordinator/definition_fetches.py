"""Definitions that pings wait for: looked up beside the conversion, so many at once and no more."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from histogram_specs.cache.fetcher import FetchResult, SpecFetcher
from histogram_specs.revision import Revision

MAX_AT_ONCE = 64  # the fetcher asks for four at once, ten a second
MAX_UNREACHABLE = 1_000
MAX_MISSING = 10_000
MAX_LISTED = 500  # with each task, so that what was just found missing waits for nothing
MISSING_FOR_SECONDS = 3600.0  # as long as the fetcher remembers it


class DefinitionFetches:
    """
    The revisions that are being looked up, and what came of others.

    A client may make up any number of revisions: they wait in the ledger, and a
    few at a time are here.
    """

    def __init__(
        self,
        fetcher: SpecFetcher | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[Revision, str], None] | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._tell = tell
        self._clock = clock
        self._running: dict[Revision, asyncio.Task[FetchResult]] = {}
        self._missing_until: OrderedDict[Revision, float] = OrderedDict()
        self._unreachable: set[Revision] = set()
        self._told: OrderedDict[Revision, None] = OrderedDict()  # as out of reach, until there is an answer
        self.ended = asyncio.Event()
        """Set when a lookup has ended: pings may be judged now."""

    @property
    def is_running(self) -> bool:
        """Whether an answer may still come."""
        return bool(self._running)

    @property
    def missing(self) -> frozenset[Revision]:
        """What the revision server said that it does not have."""
        now = self._clock()
        return frozenset(revision for revision, until in self._missing_until.items() if until > now)

    @property
    def newest_missing(self) -> frozenset[Revision]:
        """The last of `missing`, for tasks whose revisions are not known yet."""
        missing = self.missing
        if len(missing) <= MAX_LISTED:
            return missing
        return missing & frozenset(list(self._missing_until)[-MAX_LISTED:])

    def wanted(self) -> int:
        """How many of the most awaited revisions to pass to `start`; 0 as long as there is enough to do."""
        is_busy = len(self._running) > MAX_AT_ONCE // 2 or len(self._unreachable) >= MAX_UNREACHABLE
        if self._fetcher is None or is_busy:
            return 0
        return MAX_AT_ONCE + len(self._running) + len(self._unreachable)

    def start(self, revisions: Iterable[Revision]) -> None:
        """Look up *revisions* in their order, as far as there is room, but for those that just failed."""
        if self._fetcher is None:
            return
        for revision in revisions:
            if len(self._running) >= MAX_AT_ONCE or len(self._unreachable) >= MAX_UNREACHABLE:
                return
            if revision.is_pseudo:
                continue
            if revision not in self._running and revision not in self._unreachable:
                self._running[revision] = asyncio.create_task(self._fetch(self._fetcher, revision))

    def take_ended(self) -> set[Revision]:
        """Those that were found, or found missing, since the last call."""
        self.ended.clear()
        decided = set()
        for revision, task in list(self._running.items()):
            if not task.done():
                continue
            del self._running[revision]
            match task.result():
                case FetchResult.FOUND:
                    decided.add(revision)
                case FetchResult.MISSING:
                    decided.add(revision)
                    self._remember_missing(revision)
                case FetchResult.UNREACHABLE:
                    self._unreachable.add(revision)
                    self._tell_once(revision)
                    continue
            self._told.pop(revision, None)
        return decided

    async def finish(self, revisions: Iterable[Revision]) -> None:
        """Look up all of *revisions*, as far as that is possible now."""
        waiting = list(revisions)
        while self._running or waiting:
            self.start(waiting[:MAX_AT_ONCE])
            waiting = waiting[MAX_AT_ONCE:]
            if self._running:
                await asyncio.wait(self._running.values())
            self.take_ended()

    def out_of_reach(self) -> dict[Revision, str]:
        """The revisions that could not be fetched at the last try, each with the last answer."""
        if self._fetcher is None:
            return {}
        answers = ((revision, self._fetcher.last_answer(revision)) for revision in self._unreachable)
        return {revision: answer for revision, answer in answers if answer}

    def retry_unreachable(self) -> None:
        """Ask again for what could not be reached."""
        self._unreachable.clear()
        if self._fetcher is not None:
            self._fetcher.retry_now()

    async def cancel(self) -> None:
        """Give up what is under way."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _fetch(self, fetcher: SpecFetcher, revision: Revision) -> FetchResult:
        try:
            return await fetcher.fetch(revision)
        finally:
            self.ended.set()

    def _tell_once(self, revision: Revision) -> None:
        """Say why *revision* is out of reach, unless that was said, or the server was not even asked."""
        detail = self._fetcher.detail_of(revision) if self._fetcher is not None else ""
        if self._tell is None or not detail or revision in self._told:
            return
        self._told[revision] = None
        while len(self._told) > MAX_UNREACHABLE:
            self._told.popitem(last=False)
        self._tell(revision, detail)

    def _remember_missing(self, revision: Revision) -> None:
        self._missing_until[revision] = self._clock() + MISSING_FOR_SECONDS
        self._missing_until.move_to_end(revision)
        while len(self._missing_until) > MAX_MISSING:
            self._missing_until.popitem(last=False)
