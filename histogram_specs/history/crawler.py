"""
Downloads the history of the spec file in a repository, so that its revisions resolve offline.

A walk has four parts: the log of all changesets (a changeset that did not change the file has
the version of its parents), the log of the file, the tags, and the missing texts.  Each is
saved as it proceeds, so that an interrupted walk continues where it stopped.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from histogram_specs.errors import NotASpecFile, RevisionMissing, SourceUnreachable
from histogram_specs.history.companion_store import CompanionStore
from histogram_specs.history.companion_walk import CompanionWalk
from histogram_specs.history.file_log import all_at_once, file_log_pages
from histogram_specs.history.hgweb import LOG_PAGE, HgWeb, RepositoryHead
from histogram_specs.history.store import (
    NO_VERSION,
    FileVersion,
    HistoryStore,
    LoggedChangeset,
    WalkedRepository,
)
from histogram_specs.spec_file import parse_spec_file

PAGES_AT_ONCE = 4
TEXTS_AT_ONCE = 4
# Maximum steps of the binary search for the first changeset of a date range: 2^40 changesets.
MAX_BISECTIONS = 40

Progress = Callable[[str, int, int], None]  # arguments: "changesets" or "texts", number done, total


@dataclass(frozen=True, slots=True)
class DateRange:
    """The range of push dates to walk; None is open."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PrefetchReport:
    """What the walk of one repository did; on a dry run, what it would do."""

    repository: str
    changesets_new: int = 0
    changesets_known: int = 0
    texts_fetched: int = 0
    texts_known: int = 0
    texts_unusable: int = 0
    problem: str = ""  # why the walk failed or was interrupted
    broke_off: bool = False  # another attempt may succeed


class RepositoryCrawler:
    """
    Brings the history of one repository up to date.

    `run` raises `RevisionMissing` if the server does not have the repository, and
    `SourceUnreachable` if the walk was interrupted; what was fetched is kept.
    """

    _repository: WalkedRepository

    def __init__(self, store: HistoryStore, hgweb: HgWeb, name: str, progress: Progress) -> None:
        self._store = store
        self._hgweb = hgweb
        self._name = name
        self._progress = progress

    async def run(self, dates: DateRange, now: datetime) -> PrefetchReport:
        """Walk the range *dates*; return what was done."""
        head = await self._hgweb.head()
        # Created only here, so that an unknown repository leaves no entry.
        self._repository = self._store.repository(self._name)
        first, end = await self._numbers(dates, head)
        await self._check_known(first)
        known = self._repository.next_number - self._repository.first_number
        added = await self._walk_changesets(end)
        undecided = list(self._store.undecided(self._repository.id))
        if undecided:
            self._store.replace_tags(self._repository.id, await self._hgweb.tags())
            await self._walk_file(undecided)
        report = await self._fetch_texts()
        companions = CompanionStore(self._store)
        if companions.walked_to(self._repository.id) != head.node:
            walk = CompanionWalk(companions, self._hgweb, self._repository.id, self._progress)
            await walk.run(head.node, dates.since)
        until = min(now, dates.until) if dates.until else now
        since = dates.since if self._repository.first_number else None
        known_from = self._repository.known_from
        if since is not None and known_from is None:
            known_from = int(since.timestamp())
        self._store.finish(self._repository.id, known_from, int(until.timestamp()))
        return replace(report, changesets_new=added, changesets_known=known)

    async def _numbers(self, dates: DateRange, head: RepositoryHead) -> tuple[int, int]:
        """Return the server's number of the first changeset to walk, and the one after the last."""
        first = await self._number_at(dates.since, head.changesets) if dates.since else 0
        end = await self._number_at(dates.until, head.changesets) if dates.until else head.changesets
        return first, max(first, end)

    async def _number_at(self, moment: datetime, count: int) -> int:
        """Return the number of the first changeset that was pushed at *moment* or later."""
        low, high = 0, count
        for _ in range(MAX_BISECTIONS):
            if low >= high:
                break
            middle = (low + high) // 2
            if await self._hgweb.date_of(middle) < moment.timestamp():
                low = middle + 1
            else:
                high = middle
        return low

    async def _check_known(self, first: int) -> None:
        """Restart the walk if it must begin earlier, or if the server's numbers have changed."""
        known = self._repository
        begins_earlier = first < known.first_number or known.last_node is None
        if not begins_earlier:
            try:
                last = await self._hgweb.log(known.next_number - 1, known.next_number - 1)
                if last[0].node == known.last_node:
                    return
            except RevisionMissing:
                pass  # the server has fewer changesets than before
        self._store.forget_changesets(known.id, first)
        self._repository = self._store.repository(self._name)

    async def _walk_changesets(self, end: int) -> int:
        """Fetch the unknown part of the log up to *end*; return how many changesets were new."""
        first = self._repository.next_number
        starts = range(first, end, LOG_PAGE)
        for at in range(0, len(starts), PAGES_AT_ONCE):
            batch = starts[at : at + PAGES_AT_ONCE]
            pages = await all_at_once(
                self._hgweb.log(start, min(start + LOG_PAGE, end) - 1) for start in batch
            )
            changesets = [changeset for page in pages for changeset in page]
            next_number = min(batch[-1] + LOG_PAGE, end)
            self._store.add_changesets(self._repository.id, next_number, changesets)
            self._progress("changesets", next_number - first, end - first)
        return max(end - first, 0)

    async def _walk_file(self, undecided: Sequence[LoggedChangeset]) -> None:
        """Fetch the log of the file, and determine the version in force at every new changeset."""
        nodes = {changeset.node for changeset in undecided}
        parents = {parent for changeset in undecided for parent in changeset.parents}
        base = await self._base()
        # Heads of side branches may have changes that are not in the log of the newest changeset.
        heads = [changeset.node for changeset in undecided if changeset.node not in parents]
        for head in reversed(heads):
            nodes -= await self._walk_file_from(head, nodes)
        self._decide(undecided, base)

    async def _base(self) -> int:
        """Return the version in force at the first changeset of the walk."""
        first = self._store.first_node(self._repository.id)
        if not self._repository.first_number or first is None:
            return NO_VERSION
        try:
            newest = await self._hgweb.file_log(first, 1)
        except RevisionMissing:
            return NO_VERSION
        self._store.add_versions(self._repository.id, newest)
        return self._store.versions(self._repository.id)[newest[0].node]

    async def _walk_file_from(self, head: bytes, walked: set[bytes]) -> set[bytes]:
        """Add the versions before *head* that are among *walked*; return their nodes."""
        found: list[FileVersion] = []
        async for page in file_log_pages(self._hgweb, head):
            new = [version for version in page if version.node in walked]
            found += new
            if not new:
                break
        self._store.add_versions(self._repository.id, found)
        return {version.node for version in found}

    def _decide(self, undecided: Iterable[LoggedChangeset], base: int) -> None:
        versions = self._store.versions(self._repository.id)
        # Positions of versions in the log: descendants have higher ones.
        order = {base: -1, **self._store.positions(self._repository.id), NO_VERSION: -2}
        decided: dict[bytes, int] = {}
        for changeset in undecided:
            version = versions.get(changeset.node)
            if version is None:
                inherited = [self._inherited(parent, decided, base) for parent in changeset.parents]
                # A merge that did not change the file has the later of its parents' versions.
                version = max(inherited, key=order.__getitem__, default=NO_VERSION)
            decided[changeset.node] = version
        self._store.decide(self._repository.id, decided.items())

    def _inherited(self, parent: bytes, decided: dict[bytes, int], base: int) -> int:
        version = decided.get(parent)
        if version is None:
            version = self._store.version_at(self._repository.id, parent)
        return base if version is None else version

    async def _fetch_texts(self) -> PrefetchReport:
        lacking = self._store.without_text(self._repository.id)
        known = len(self._store.versions(self._repository.id)) - len(lacking)
        waiting = iter(lacking)
        failures: list[SourceUnreachable] = []
        done = unusable = 0

        async def work() -> None:
            nonlocal done, unusable
            # If one fails, the others finish what they have begun.
            while not failures and (one := next(waiting, None)) is not None:
                try:
                    usable = await self._fetch_text(*one)
                except SourceUnreachable as error:
                    failures.append(error)
                    return
                done += 1
                unusable += not usable
                self._progress("texts", done, len(lacking))

        await all_at_once(work() for _ in range(TEXTS_AT_ONCE))
        if failures:
            raise failures[0]
        return PrefetchReport(
            self._name,
            texts_fetched=done - unusable,
            texts_known=known,
            texts_unusable=unusable,
        )

    async def _fetch_text(self, version_id: int, node: bytes) -> bool:
        """Store the text of one version; return False if it cannot be used."""
        try:
            text = await self._hgweb.spec_text(node)
            await asyncio.to_thread(parse_spec_file, text)
        except (NotASpecFile, RevisionMissing) as error:
            self._store.add_problem(version_id, str(error))
            return False
        self._store.add_text(version_id, text)
        return True
