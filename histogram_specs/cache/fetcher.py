"""Fetches definitions into the cache; concurrent requests for a revision share one fetch."""

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeVar

from histogram_specs.cache.eviction import FetchedFileLimit
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.definition_files import COMPANION_PATHS
from histogram_specs.errors import (
    BrokenSpecFile,
    NotASpecFile,
    RevisionMissing,
    SourceDown,
    SourceUnreachable,
)
from histogram_specs.revision import Revision
from histogram_specs.sources.source import Source
from histogram_specs.spec_file import parse_spec_file

MISSING_FOR_SECONDS = 3600.0
MAX_REMEMBERED = 10_000
# With jitter these stay below 30 s, the maximum time between attempts for a pending ping.
FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 20.0
JITTER = 0.25

log = logging.getLogger(__name__)

Key = TypeVar("Key")
Value = TypeVar("Value")


class FetchResult(StrEnum):
    """The result of a fetch; also the ``result`` label of the metric."""

    FOUND = "found"  # it is in the cache
    MISSING = "missing"  # the source does not have the file
    UNREACHABLE = (
        "unreachable"  # no usable answer: refused, late, truncated, an error, a redirect, not a spec file
    )


@dataclass(frozen=True, slots=True)
class _Pause:
    until: float  # time of the fetcher's clock
    seconds: float


class SpecFetcher:
    """
    Fetches spec files from one source into a cache.

    Concurrent requests for a revision share one fetch, which runs in a task of the fetcher:
    cancelling a caller does not stop it.  A missing file is remembered for an hour.
    After an unusable answer, fetches of that revision pause; after no answer, all fetches
    pause.  Pauses grow, and during them `fetch` returns "unreachable" at once.

    Use it with ``async with``; leaving cancels running fetches.
    """

    def __init__(
        self, cache: RevisionCache, source: Source, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._cache = cache
        self._fetched = FetchedFileLimit(cache.directory)
        self._keeping = asyncio.Lock()
        self._source = source
        self._clock = clock
        self._under_way: dict[Revision, asyncio.Task[FetchResult]] = {}
        self._missing_until: OrderedDict[Revision, float] = OrderedDict()
        self._pauses: OrderedDict[Revision | None, _Pause] = OrderedDict()  # None: the source as a whole
        self._details: OrderedDict[Revision, str] = OrderedDict()
        self._source_detail = ""  # why the whole source is unreachable
        self._counts = dict.fromkeys(FetchResult, 0)

    async def __aenter__(self) -> Self:
        await self._source.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._source.__aexit__(*raised)

    async def fetch(self, revision: Revision) -> FetchResult:
        """Fetch the file of *revision* into the cache; return at once if a pause or a known miss applies."""
        task = self._under_way.get(revision)
        if task is None:
            known = self._known(revision)
            if known is not None:
                return known
            task = asyncio.create_task(self._fetch(revision), name=f"fetch {revision}")
            self._under_way[revision] = task
            task.add_done_callback(lambda _: self._under_way.pop(revision, None))
        return await asyncio.shield(task)

    def retry_now(self) -> None:
        """End all pauses: the next `fetch` asks the source again."""
        self._pauses.clear()

    def detail_of(self, revision: Revision) -> str:
        """Return in one line why the last fetch of *revision* failed; empty if it was not tried."""
        return self._details.get(revision, "")

    def last_answer(self, revision: Revision) -> str:
        """Return why *revision* cannot be fetched: its last answer, or the state of the source."""
        return self._details.get(revision) or self._source_detail

    def statistics(self) -> Mapping[FetchResult, int]:
        """Return how many requests to the source had each result."""
        return dict(self._counts)

    def _known(self, revision: Revision) -> FetchResult | None:
        if revision.is_pseudo:
            return FetchResult.MISSING
        now = self._clock()
        if self._missing_until.get(revision, now) > now:
            return FetchResult.MISSING
        for paused in (revision, None):
            pause = self._pauses.get(paused)
            if pause is not None and pause.until > now:
                return FetchResult.UNREACHABLE
        return None

    async def _fetch(self, revision: Revision) -> FetchResult:
        try:
            if await asyncio.to_thread(self._cache.load, revision) is not None:
                return FetchResult.FOUND
        except BrokenSpecFile:
            pass  # already logged; a usable file replaces it
        except OSError as error:
            self._pause(revision)
            _put(self._details, revision, f"the cache cannot be read: {error}")
            return FetchResult.UNREACHABLE
        result, detail = await self._ask(revision)
        self._counts[result] += 1
        if result is FetchResult.FOUND:
            log.info("fetched %s", revision)
            self._details.pop(revision, None)
            return result
        log.debug("%s %s: %s", revision, result, detail)
        _put(self._details, revision, detail)
        return result

    async def _ask(self, revision: Revision) -> tuple[FetchResult, str]:
        try:
            text = await self._source.read(revision)
            self._reached()
            await asyncio.to_thread(parse_spec_file, text, self._cache.constants)
            companions = await self._companions_of(revision)
            async with self._keeping:
                await asyncio.to_thread(self._keep, revision, text, companions)
        except RevisionMissing as error:
            self._reached()
            _put(self._missing_until, revision, self._clock() + MISSING_FOR_SECONDS)
            return FetchResult.MISSING, str(error)
        except SourceDown as error:
            self._pause(None)
            self._source_detail = str(error)
            return FetchResult.UNREACHABLE, str(error)
        except SourceUnreachable as error:
            self._pause(revision)
            return FetchResult.UNREACHABLE, str(error)
        except NotASpecFile as error:
            self._pause(revision)
            return FetchResult.UNREACHABLE, f"the answer is not a spec file: {error}"
        except OSError as error:
            self._pause(revision)
            return FetchResult.UNREACHABLE, f"it cannot be stored: {error}"
        self._pauses.pop(revision, None)
        return FetchResult.FOUND, ""

    async def _companions_of(self, revision: Revision) -> dict[str, bytes]:
        """
        Return the other files of *revision* that the source has; each of them may be absent.

        Raises:
            SourceUnreachable: If one may be there and cannot be read now.
        """

        async def read(name: str) -> bytes | None:
            try:
                return await self._source.read(revision, name)
            except RevisionMissing:
                return None

        texts = await asyncio.gather(*map(read, COMPANION_PATHS), return_exceptions=True)
        companions = {}
        for name, text in zip(COMPANION_PATHS, texts, strict=True):
            if isinstance(text, BaseException):
                raise text
            if text is not None:
                companions[name] = text
        return companions

    def _reached(self) -> None:
        self._pauses.pop(None, None)
        self._source_detail = ""

    def _keep(self, revision: Revision, text: bytes, companions: Mapping[str, bytes]) -> None:
        self._cache.store(revision, text, companions)
        self._fetched.note(revision, text, companions)

    def _pause(self, paused: Revision | None) -> None:
        before = self._pauses.get(paused)
        seconds = FIRST_PAUSE_SECONDS if before is None else min(before.seconds * 2, MAX_PAUSE_SECONDS)
        until = self._clock() + seconds * random.uniform(1 - JITTER, 1 + JITTER)
        _put(self._pauses, paused, _Pause(until, seconds))


def _put(table: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > MAX_REMEMBERED:
        table.popitem(last=False)
