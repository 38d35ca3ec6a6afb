"""``telemetry-server specs``: lists, shows, compares and downloads histogram definitions."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_table, print_text, say

if TYPE_CHECKING:
    from histogram_specs.cache.revision_cache import CachedRevision
    from histogram_specs.history.history import KnownRepository

EPILOG = """\
examples:
  telemetry-server specs prefetch --repo mozilla-central --from 2013-06-01
  telemetry-server specs list
  telemetry-server specs show GC_MS --file Histograms.json
  telemetry-server specs show GC_MS --history
  telemetry-server specs diff old/Histograms.json https://hg.mozilla.org/mozilla-central/rev/33ce52b7c7ea

Each action has its own --help: telemetry-server specs show --help."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions and options of ``specs``."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="prefetch|list|show|diff|try|import-glean"
    )
    _add_prefetch(_action(actions, "prefetch", "download the history of definitions, for use offline"))
    _add_kind(
        _action(
            actions,
            "list",
            "list the revisions in the cache and the prefetched history",
            "specs list --kind scalar --json",
        )
    )
    _add_show(_action(actions, "show", "print definitions with their buckets"))
    _add_diff(_action(actions, "diff", "print the differences between two definition files"))
    _add_try(_action(actions, "try", "print what a new definition file would drop or mark of stored pings"))
    _add_import(_action(actions, "import-glean", "import the definitions of a Glean application"))


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

Reads revision_server, which must be a Mercurial server.  Files that are already here
are not downloaded again.  An interrupted run continues where it stopped.

exit status: 1 if a --repo does not exist, 5 if the download was interrupted"""
    parser.add_argument(
        "--repo",
        action="append",
        metavar="R",
        help="a repository; can be repeated (default: those of Firefox)",
    )
    parser.add_argument("--from", dest="since", type=day_of, metavar="DATE", help="first day of the history")
    parser.add_argument("--to", dest="until", type=day_of, metavar="DATE", help="last day of the history")
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be downloaded; download nothing"
    )


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.epilog = """\
example: telemetry-server specs show GC_MS --revision https://hg.mozilla.org/mozilla-central/rev/33ce52b7c7ea

Without NAME it prints all definitions.  Without --revision and --file it uses the newest
revision in the cache.  A revision that is not in the cache is downloaded, unless
revision_offline is set.

exit status: 1 if the definition or revision does not exist, 5 if the server cannot be reached"""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="name of a histogram, with or without the prefix STARTUP_"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--revision", metavar="URL", help="http(s)://<host>/<repository>/rev/<hex>")
    source.add_argument("--file", metavar="FILE", help="a definition file; --kind says which, else its name")
    source.add_argument(
        "--history", action="store_true", help="print each version of NAME in the prefetched history"
    )
    parser.add_argument(
        "--repo",
        metavar="R",
        default="mozilla-central",
        help="repository for --history (default: mozilla-central)",
    )
    _add_kind(parser)
    parser.add_argument(
        "--strict",
        action="store_true",
        help="apply today's rules for writing definitions; 1 if any is broken",
    )


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example: telemetry-server specs diff old/Histograms.json new/Histograms.json"
    parser.add_argument("old", metavar="A", help="a definition file, or the URL of a revision")
    parser.add_argument("new", metavar="B", help="a definition file, or the URL of a revision")
    _add_kind(parser)


def _add_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind",
        choices=("histogram", "scalar", "event", "usecounter", "glean"),
        help="the kind of definitions (default: by the name of the file, else histogram)",
    )


def _add_try(parser: argparse.ArgumentParser) -> None:
    parser.epilog = """\
example: telemetry-server specs try Scalars.yaml --date 20261127

Reads the pings in raw/ again and changes nothing.  Definitions of other kinds are those of
each ping's revision.

exit status: 1 if anything would be dropped or marked that is not today"""
    parser.add_argument("file", metavar="FILE", help="the definition file to try")
    parser.add_argument("--date", type=day_of, metavar="D", help="only pings that arrived on this day (UTC)")
    _add_kind(parser)


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.epilog = """\
example: telemetry-server specs import-glean metrics.yaml pings.yaml --application org-example-app

Needs the extra glean.  The files are kept under specs/glean/<application>/<name>/.

exit status: 4 if a file is not accepted; nothing is kept then"""
    parser.add_argument("files", nargs="+", metavar="FILE", help="metrics.yaml and pings.yaml")
    parser.add_argument("--application", required=True, metavar="NAME", help="namespace of its pings")
    parser.add_argument(
        "--name", default="app", metavar="NAME", help="name of this set, such as a library or a version"
    )


def run(args: argparse.Namespace) -> int:
    """Run the action; return the exit status."""
    from histogram_specs.errors import BadRevisionUrl, BadSource, HistoryError, SpecError
    from telemetry_server.cli.commands import spec_views
    from telemetry_server.probes.errors import ProbesError

    settings = settings_of(args)
    try:
        if args.action == "prefetch":
            from telemetry_server.cli.commands.spec_prefetch import run_prefetch

            return run_prefetch(args, settings)
        if args.action == "list":
            return _list(args, settings)
        if args.action == "try":
            from telemetry_server.cli.commands.spec_trial import run_trial

            return run_trial(args, settings)
        if args.action == "import-glean":
            from telemetry_server.cli.commands.glean_import import run_import

            return run_import(args, settings)
        return _show_or_diff(args, settings)
    except BadSource as error:
        raise ConfigurationError(str(error)) from error
    except BadRevisionUrl as error:
        say(f"telemetry-server specs {args.action}: {error}")
        return ExitStatus.USAGE
    except spec_views.DefinitionsNotFound as error:
        say(f"telemetry-server specs {args.action}: {error}")
        return error.status
    except (HistoryError, SpecError, ProbesError) as error:
        say(f"telemetry-server specs {args.action}: {error}")
        return ExitStatus.BAD_INPUT


def _show_or_diff(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.cli.commands import probe_views, spec_views
    from telemetry_server.probes.definition import FileKind

    files = (args.file,) if args.action == "show" else (args.old, args.new)
    kind = probe_views.kind_of(args, *files)
    is_histogram = kind is FileKind.HISTOGRAM
    if args.action == "diff":
        return spec_views.diff(args, settings) if is_histogram else probe_views.diff(args, settings, kind)
    if is_histogram and not (args.strict and args.file):
        return spec_views.show(args, settings)
    return probe_views.show(args, settings, kind)


def _list(args: argparse.Namespace, settings: Settings) -> int:
    """Print a line for each revision in the cache and each repository in the history."""
    from histogram_specs.cache.revision_cache import RevisionCache
    from histogram_specs.history.history import History
    from telemetry_server.composition.data_root import revision_cache_path

    directory = revision_cache_path(settings)
    cached = [entry for entry in RevisionCache(directory).list() if _has_kind(entry, args.kind)]
    repositories = History(directory).repositories()
    if args.json:
        print_json(
            {
                "cached": [_cached_as_json(entry) for entry in cached],
                "history": [_history_as_json(repository) for repository in repositories],
            }
        )
        return ExitStatus.DONE
    rows = [(entry.revision.repository, entry.revision.changeset, entry.size_bytes) for entry in cached]
    print_table(("repository", "revision", "bytes"), rows)
    if repositories:
        print_text("")
        headings = ("history of", "from", "until", "versions", "changesets")
        print_table(headings, [_history_row(repository) for repository in repositories])
    return ExitStatus.DONE


def _cached_as_json(entry: "CachedRevision") -> dict[str, Any]:
    return {
        "repository": entry.revision.repository,
        "revision": entry.revision.changeset,
        "path": str(entry.path),
        "bytes": entry.size_bytes,
        "files": _files_of(entry),
    }


def _files_of(entry: "CachedRevision") -> list[str]:
    """The definition files of a cached revision."""
    from histogram_specs.definition_files import REPOSITORY_PATHS

    return [name for name in REPOSITORY_PATHS if (entry.path.parent / name).is_file()]


def _has_kind(entry: "CachedRevision", kind: str | None) -> bool:
    """Whether a cached revision has a file of that kind; Glean's definitions are of no revision."""
    from telemetry_server.probes.definition import FileKind
    from telemetry_server.probes.entries import kind_of_file

    return kind is None or any(kind_of_file(Path(name)) is FileKind(kind) for name in _files_of(entry))


def _history_as_json(repository: "KnownRepository") -> dict[str, Any]:
    return {
        "repository": repository.name,
        "known_from": repository.known_from,
        "known_until": repository.known_until,
        "versions": repository.versions,
        "changesets": repository.changesets,
    }


def _history_row(repository: "KnownRepository") -> tuple[object, ...]:
    return (
        repository.name,
        f"{repository.known_from:%Y-%m-%d}" if repository.known_from else "the beginning",
        f"{repository.known_until:%Y-%m-%d}" if repository.known_until else "unfinished",
        repository.versions,
        repository.changesets,
    )
