"""``telemetry-server specs prefetch``: downloads the history of histogram definitions."""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from histogram_specs.history.channels import DEFAULT_REPOSITORIES
from histogram_specs.history.crawler import DateRange, PrefetchReport
from histogram_specs.history.prefetch import PrefetchRequest, prefetch
from histogram_specs.revision import check_repository
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.composition.data_root import prepare_revision_cache, revision_cache_path
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import Progress, print_json, print_table, progress, say


def run_prefetch(args: argparse.Namespace, settings: Settings) -> int:
    """
    Download the history and print a line for each repository.

    Raises:
        ConfigurationError: The settings do not allow it.
        BadRevisionUrl: A ``--repo`` is not the path of a repository.
    """
    _check_settings(settings)
    reports = asyncio.run(_download(_request(args, settings)))
    if args.json:
        print_json([asdict(report) for report in reports])
    else:
        _print_reports(reports, is_dry_run=args.dry_run)
    if any(report.broke_off for report in reports):
        return ExitStatus.TRY_AGAIN
    if args.repo and any(report.problem for report in reports):
        return ExitStatus.FINDINGS
    return ExitStatus.DONE


def _check_settings(settings: Settings) -> None:
    if settings.revision_offline:
        raise ConfigurationError("revision_offline is true, and prefetch needs the network: set it to false")
    if not settings.revision_server.startswith(("http://", "https://")):
        raise ConfigurationError(
            "prefetch needs a Mercurial server over HTTP, and revision_server is "
            f"{settings.revision_server}; for a local clone run hg serve"
        )


def _request(args: argparse.Namespace, settings: Settings) -> PrefetchRequest:
    cache_directory = revision_cache_path(settings) if args.dry_run else prepare_revision_cache(settings)
    return PrefetchRequest(
        server=settings.revision_server,
        repositories=[check_repository(repository) for repository in args.repo or DEFAULT_REPOSITORIES],
        cache_directory=cache_directory,
        dates=DateRange(
            _start_of_day(args.since) if args.since else None,
            _start_of_day(args.until) + timedelta(days=1) if args.until else None,
        ),
        dry_run=args.dry_run,
    )


def _start_of_day(day: str) -> datetime:
    return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)


class _PrefetchProgress:
    """Shows the progress of changesets and of texts in one bar."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._done = {"changesets": 0, "texts": 0}
        self._totals = {"changesets": 0, "texts": 0}

    def update(self, what: str, done: int, total: int) -> None:
        """Show that *done* of *total* changesets or texts are complete."""
        self._totals[what] = total
        self._bar.total(sum(self._totals.values()))
        self._bar.advance(done - self._done[what])
        self._done[what] = done


async def _download(request: PrefetchRequest) -> list[PrefetchReport]:
    reports = []
    with progress("prefetching", unit="changesets and texts") as bar:
        shown = _PrefetchProgress(bar)
        async for report in prefetch(request, now=datetime.now(UTC), progress=shown.update):
            reports.append(report)
            if report.problem:
                say(f"{report.repository}: {report.problem}")
    return reports


def _print_reports(reports: Sequence[PrefetchReport], *, is_dry_run: bool) -> None:
    fetched = "to fetch" if is_dry_run else "fetched"
    headings = ("repository", f"changesets {fetched}", "known", f"texts {fetched}", "known", "unusable")
    rows = [
        (
            report.repository,
            report.changesets_new,
            report.changesets_known,
            report.texts_fetched,
            report.texts_known,
            report.texts_unusable,
        )
        for report in reports
        if not report.problem
    ]
    print_table(headings, rows)
