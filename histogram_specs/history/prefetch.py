"""Fetches the history of the spec file in several repositories, or reports what it would fetch."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from histogram_specs.errors import BadSource, RevisionMissing, SourceUnreachable
from histogram_specs.history.crawler import (
    DateRange,
    PrefetchReport,
    Progress,
    RepositoryCrawler,
)
from histogram_specs.history.file_log import file_log_pages
from histogram_specs.history.hgweb import HgWeb
from histogram_specs.history.store import HistoryStore
from histogram_specs.sources.http import HttpGetter

# A page of a log takes the server much longer than a file.
TOTAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class PrefetchRequest:
    """What to prefetch, from which server, into which cache."""

    server: str  # the URL of a Mercurial server
    repositories: Sequence[str]
    cache_directory: Path
    dates: DateRange = field(default_factory=DateRange)
    dry_run: bool = False
    most_per_second: float = 10.0


async def prefetch(
    request: PrefetchRequest, *, now: datetime, progress: Progress = lambda what, done, total: None
) -> AsyncIterator[PrefetchReport]:
    """
    Yield a report for each repository when it is done.

    A missing repository or an interrupted walk is reported with its problem, and the next
    repository follows; the next prefetch continues where this one stopped.

    Raises:
        BadSource: If the server in *request* is not an HTTP URL.
        HistoryError: If the history on disk cannot be used.
    """
    if not request.server.startswith(("http://", "https://")):
        raise BadSource(
            f"revision_server {request.server!r} is not the URL of a Mercurial server; "
            "for a local clone run hg serve"
        )
    store = HistoryStore(request.cache_directory, dry_run=request.dry_run)
    try:
        async with HttpGetter(total_seconds=TOTAL_SECONDS, most_per_second=request.most_per_second) as getter:
            for repository in request.repositories:
                hgweb = HgWeb(getter, request.server, repository)
                try:
                    if request.dry_run:
                        yield await _plan(store, hgweb, repository)
                    else:
                        walk = RepositoryCrawler(store, hgweb, repository, progress)
                        yield await walk.run(request.dates, now)
                except RevisionMissing:
                    yield PrefetchReport(repository, problem="the server does not have this repository")
                except SourceUnreachable as error:
                    yield PrefetchReport(repository, problem=str(error), broke_off=True)
    finally:
        store.close()


async def _plan(store: HistoryStore, hgweb: HgWeb, repository: str) -> PrefetchReport:
    """Return what a walk of the whole repository would fetch."""
    known = store.repository(repository)
    head = await hgweb.head()
    versions = store.versions(known.id)
    lacking = len(store.without_text(known.id))
    touching = [version async for page in file_log_pages(hgweb, head.node) for version in page]
    new = sum(version.node not in versions for version in touching)
    return PrefetchReport(
        repository,
        changesets_new=head.changesets - (known.next_number - known.first_number),
        changesets_known=known.next_number - known.first_number,
        texts_fetched=new + lacking,
        texts_known=len(versions) - lacking,
    )
