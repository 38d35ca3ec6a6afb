"""``telemetry-server specs``: the definitions of histograms, by revision."""

import argparse
from datetime import UTC, datetime, timedelta

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_table, print_text, progress, say

EPILOG = """\
examples:
  telemetry-server specs prefetch --repo mozilla-central --from 2013-06-01
  telemetry-server specs list
  telemetry-server specs show GC_MS --file Histograms.json
  telemetry-server specs show GC_MS --history
  telemetry-server specs diff old/Histograms.json https://hg.mozilla.org/mozilla-central/rev/33ce52b7c7ea

Each of them has a --help of its own."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="prefetch|list|show|diff")
    _add_prefetch(_action(actions, "prefetch", "fetch the history of definitions, for use offline"))
    _action(actions, "list", "list what the revision cache and the history have", "specs list --json")
    _add_show(_action(actions, "show", "print definitions with their buckets"))
    _add_diff(_action(actions, "diff", "print what changed from one spec file to another"))


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, example: str = ""
) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example: telemetry-server {example}" if example else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_json_option(parser)
    add_settings_options(parser)
    return parser


def _add_prefetch(parser: argparse.ArgumentParser) -> None:
    parser.epilog = """\
example: telemetry-server specs prefetch --repo mozilla-central --repo releases/mozilla-release

Walks revision_server, which must be a Mercurial server.  What is here already is
not fetched again, and what was broken off goes on where it was.

exit status: 1 if a --repo is not there, 5 if a walk broke off"""
    parser.add_argument(
        "--repo",
        action="append",
        metavar="R",
        help="a repository (default: Firefox's own)",
    )
    parser.add_argument("--from", dest="since", type=day_of, metavar="DATE", help="first day of changesets")
    parser.add_argument("--to", dest="until", type=day_of, metavar="DATE", help="last day of changesets")
    parser.add_argument("--dry-run", action="store_true", help="only tell what a walk would fetch")


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.epilog = """\
example: telemetry-server specs show GC_MS --revision https://hg.mozilla.org/mozilla-central/rev/33ce52b7c7ea

Without NAME, all of them.  Without --revision and --file, the newest that is here.
A revision that is not here is fetched, unless revision_offline is set.

exit status: 1 if there is no such definition or revision, 5 if the server is out of reach"""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a histogram; a STARTUP_ prefix will do")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--revision", metavar="URL", help="http(s)://<host>/<repository>/rev/<hex>")
    source.add_argument("--file", metavar="FILE", help="a Histograms.json")
    source.add_argument("--history", action="store_true", help="NAME through time, from what was prefetched")
    parser.add_argument("--repo", metavar="R", default="mozilla-central", help="the repository of --history")


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example: telemetry-server specs diff old/Histograms.json new/Histograms.json"
    parser.add_argument("old", metavar="A", help="a Histograms.json, or the URL of a revision")
    parser.add_argument("new", metavar="B", help="the same")


def run(args: argparse.Namespace) -> int:
    """Do what the action says."""
    from histogram_specs.errors import BadRevisionUrl, BadSource, HistoryError, SpecError
    from telemetry_server.cli.commands import spec_views

    settings = settings_of(args)
    try:
        if args.action == "prefetch":
            return _prefetch(args, settings)
        if args.action == "list":
            return _list(args, settings)
        if args.action == "show":
            return spec_views.show(args, settings)
        return spec_views.diff(args, settings)
    except BadSource as error:
        raise ConfigurationError(str(error)) from error
    except BadRevisionUrl as error:
        say(f"telemetry-server specs {args.action}: {error}")
        return ExitStatus.USAGE
    except spec_views.DefinitionsNotFound as error:
        say(f"telemetry-server specs {args.action}: {error}")
        return error.status
    except (HistoryError, SpecError) as error:
        say(f"telemetry-server specs {args.action}: {error}")
        return ExitStatus.BAD_INPUT


def _moment(day: str, *, days_later: int = 0) -> datetime:
    return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=days_later)


def _prefetch(args: argparse.Namespace, settings: Settings) -> int:
    """Print a line for each repository."""
    import asyncio
    from dataclasses import asdict

    from histogram_specs.history.channels import DEFAULT_REPOSITORIES
    from histogram_specs.history.crawler import DateRange, PrefetchReport
    from histogram_specs.history.prefetch import PrefetchRequest, prefetch
    from histogram_specs.revision import check_repository
    from telemetry_server.composition.data_root import prepare_revision_cache, revision_cache_path

    if settings.revision_offline:
        raise ConfigurationError("revision_offline is true, and prefetch needs the network: set it to false")
    if not settings.revision_server.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"prefetch walks a Mercurial server over HTTP, and revision_server is {settings.revision_server};"
            " for a local clone run hg serve"
        )
    cache_directory = revision_cache_path(settings) if args.dry_run else prepare_revision_cache(settings)
    request = PrefetchRequest(
        server=settings.revision_server,
        repositories=[check_repository(repository) for repository in args.repo or DEFAULT_REPOSITORIES],
        cache_directory=cache_directory,
        dates=DateRange(
            _moment(args.since) if args.since else None,
            _moment(args.until, days_later=1) if args.until else None,
        ),
        dry_run=args.dry_run,
    )

    async def walk() -> list[PrefetchReport]:
        reports = []
        with progress("prefetching", unit="changesets and texts") as bar:
            done = {"changesets": 0, "texts": 0}
            totals = {"changesets": 0, "texts": 0}

            def advanced(what: str, so_far: int, total: int) -> None:
                totals[what] = total
                bar.total(sum(totals.values()))
                bar.advance(so_far - done[what])
                done[what] = so_far

            async for report in prefetch(request, now=datetime.now(UTC), progress=advanced):
                reports.append(report)
                if report.problem:
                    say(f"{report.repository}: {report.problem}")
        return reports

    reports = asyncio.run(walk())
    if args.json:
        print_json([asdict(report) for report in reports])
    else:
        fetched = "to fetch" if args.dry_run else "fetched"
        headings = ("repository", f"changesets {fetched}", "known", f"texts {fetched}", "known", "unusable")
        print_table(
            headings,
            [
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
            ],
        )
    if any(report.broke_off for report in reports):
        return ExitStatus.TRY_AGAIN
    if args.repo and any(report.problem for report in reports):
        return ExitStatus.FINDINGS
    return ExitStatus.DONE


def _list(args: argparse.Namespace, settings: Settings) -> int:
    """Print a line for each revision in the cache and each repository in the history."""
    from histogram_specs.cache.revision_cache import RevisionCache
    from histogram_specs.history.history import History
    from telemetry_server.composition.data_root import revision_cache_path

    directory = revision_cache_path(settings)
    cached = list(RevisionCache(directory).list())
    repositories = History(directory).repositories()
    if args.json:
        print_json(
            {
                "cached": [
                    {
                        "repository": entry.revision.repository,
                        "revision": entry.revision.changeset,
                        "path": str(entry.path),
                        "bytes": entry.size_bytes,
                    }
                    for entry in cached
                ],
                "history": [
                    {
                        "repository": one.name,
                        "known_from": one.known_from,
                        "known_until": one.known_until,
                        "versions": one.versions,
                        "changesets": one.changesets,
                    }
                    for one in repositories
                ],
            }
        )
        return ExitStatus.DONE
    rows = [(entry.revision.repository, entry.revision.changeset, entry.size_bytes) for entry in cached]
    print_table(("repository", "revision", "bytes"), rows)
    if repositories:
        print_text("")
        print_table(
            ("history of", "from", "until", "versions", "changesets"),
            [
                (
                    one.name,
                    f"{one.known_from:%Y-%m-%d}" if one.known_from else "its beginning",
                    f"{one.known_until:%Y-%m-%d}" if one.known_until else "unfinished",
                    one.versions,
                    one.changesets,
                )
                for one in repositories
            ],
        )
    return ExitStatus.DONE
