"""Fetches the definitions that pings wait for in the background, a bounded number at once."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from histogram_specs.cache.fetcher import FetchResult, SpecFetcher
from histogram_specs.revision import Revision

MAX_AT_ONCE = 64  # the fetcher sends four requests at once, ten a second
MAX_UNREACHABLE = 1_000
MAX_MISSING = 10_000
MAX_LISTED = 500  # sent with each task, so that its pings do not wait for them
MISSING_FOR_SECONDS = 3600.0  # as long as in the fetcher


class DefinitionFetches:
    """
    The revisions that are being fetched, and the results of recent fetches.

    Clients can make up any number of revisions: they wait in the ledger, and only a
    few at a time are here.
    """

    def __init__(
        self,
        fetcher: SpecFetcher | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_unreachable: Callable[[Revision, str], None] | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._on_unreachable = on_unreachable
        self._clock = clock
        self._running: dict[Revision, asyncio.Task[FetchResult]] = {}
        self._missing_until: OrderedDict[Revision, float] = OrderedDict()
        self._unreachable: set[Revision] = set()
        # Revisions reported as unreachable and not answered since.
        self._reported: OrderedDict[Revision, None] = OrderedDict()
        self.ended = asyncio.Event()
        """Set when a fetch has ended: pending pings may be ready."""

    @property
    def is_running(self) -> bool:
        """Whether a fetch is running."""
        return bool(self._running)

    @property
    def missing(self) -> frozenset[Revision]:
        """Revisions that the revision server does not have."""
        now = self._clock()
        return frozenset(revision for revision, until in self._missing_until.items() if until > now)

    @property
    def newest_missing(self) -> frozenset[Revision]:
        """The newest of `missing`, for tasks whose revisions are not known yet."""
        missing = self.missing
        if len(missing) <= MAX_LISTED:
            return missing
        return missing & frozenset(list(self._missing_until)[-MAX_LISTED:])

    def wanted(self) -> int:
        """Return how many of the most awaited revisions to pass to `start`; 0 while enough fetches run."""
        is_busy = len(self._running) > MAX_AT_ONCE // 2 or len(self._unreachable) >= MAX_UNREACHABLE
        if self._fetcher is None or is_busy:
            return 0
        return MAX_AT_ONCE + len(self._running) + len(self._unreachable)

    def start(self, revisions: Iterable[Revision]) -> None:
        """Start to fetch *revisions* in order, up to the limits, except those that just failed."""
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
        """Return the revisions that were found, or found missing, since the last call."""
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
                    self._report_once(revision)
                    continue
            self._reported.pop(revision, None)
        return decided

    async def finish(self, revisions: Iterable[Revision]) -> None:
        """Fetch all of *revisions*, as far as that is possible now."""
        waiting = list(revisions)
        while self._running or waiting:
            self.start(waiting[:MAX_AT_ONCE])
            waiting = waiting[MAX_AT_ONCE:]
            if self._running:
                await asyncio.wait(self._running.values())
            self.take_ended()

    def out_of_reach(self) -> dict[Revision, str]:
        """Return the revisions whose last fetch failed, each with the last answer."""
        if self._fetcher is None:
            return {}
        answers = ((revision, self._fetcher.last_answer(revision)) for revision in self._unreachable)
        return {revision: answer for revision, answer in answers if answer}

    def retry_unreachable(self) -> None:
        """Allow unreachable revisions to be fetched again."""
        self._unreachable.clear()
        if self._fetcher is not None:
            self._fetcher.retry_now()

    async def cancel(self) -> None:
        """Cancel running fetches."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _fetch(self, fetcher: SpecFetcher, revision: Revision) -> FetchResult:
        try:
            return await fetcher.fetch(revision)
        finally:
            self.ended.set()

    def _report_once(self, revision: Revision) -> None:
        """Report why *revision* is unreachable, once, and only if the server was asked."""
        detail = self._fetcher.detail_of(revision) if self._fetcher is not None else ""
        if self._on_unreachable is None or not detail or revision in self._reported:
            return
        self._reported[revision] = None
        while len(self._reported) > MAX_UNREACHABLE:
            self._reported.popitem(last=False)
        self._on_unreachable(revision, detail)

    def _remember_missing(self, revision: Revision) -> None:
        self._missing_until[revision] = self._clock() + MISSING_FOR_SECONDS
        self._missing_until.move_to_end(revision)
        while len(self._missing_until) > MAX_MISSING:
            self._missing_until.popitem(last=False)
