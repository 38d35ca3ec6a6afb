"""``generate``: generates realistic pings and prints them or sends them to a server."""

import argparse
import sys
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.number_arguments import integer, natural, positive, rate
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.generator.definitions import Definitions, definitions_from
from telemetry_server.generator.payloads import Layout
from telemetry_server.generator.stream import GeneratedPing, Recipe
from telemetry_server.settings.value_types import server_url
from telemetry_server.terminal.output import print_json, print_text, progress, say

EPILOG = """\
The pings name a made-up revision, the digest of the definitions.  The server
knows it after --install-specs has put the definitions in its cache.

examples:
  telemetry-server generate --install-specs --data ./data
  telemetry-server generate --count 100 --malformed 0.1 --to http://127.0.0.1:8080
  telemetry-server generate --count 3 > pings.txt
  telemetry-server generate --days 30 --count 3000 | telemetry-server convert - --data ./data
"""
MAX_AT_ONCE = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``generate``."""
    parser.add_argument("--count", type=natural, default=10, metavar="N", help="how many pings (default: 10)")
    parser.add_argument(
        "--seed",
        type=integer,
        default=0,
        metavar="S",
        help="the same seed gives the same pings; with --to and --days, of recent builds (default: 0)",
    )
    parser.add_argument(
        "--malformed",
        type=rate,
        default=0.0,
        metavar="RATE",
        help="fraction of pings with a fault, 0 to 1 (default: 0)",
    )
    parser.add_argument(
        "--repeats",
        type=rate,
        default=0.0,
        metavar="RATE",
        help="fraction of pings that are sent again, 0 to 1 (default: 0)",
    )
    parser.add_argument(
        "--layout",
        type=_layout,
        choices=list(Layout),
        default=Layout.CLASSIC,
        help="classic: payload of version 1; unified: main ping (default: classic)",
    )
    parser.add_argument(
        "--definitions",
        type=Path,
        metavar="FILE",
        help="a Histograms.json (default: the one in this package)",
    )
    _add_output_options(parser)
    parser.add_argument(
        "--to", type=_server, metavar="URL", help="send the pings to this server instead of printing them"
    )
    parser.add_argument(
        "--install-specs",
        action="store_true",
        help="only put the definitions in the server's revision cache; generate no pings",
    )
    add_settings_options(parser)
    add_json_option(parser)


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--normandy",
        action="store_true",
        help="clients that report uptake and enter studies; --count is their number, with up to 4 pings each",
    )
    parser.add_argument(
        "--format",
        choices=["lines", "packed"],
        help="output on stdout: lines of <id>TAB<json>, or a packed log, which has times of arrival"
        " (default: lines; packed with --days)",
    )
    parser.add_argument(
        "--days",
        type=positive,
        metavar="N",
        help="spread the times of arrival evenly over N days, in a packed log",
    )
    parser.add_argument(
        "--last-day", type=day_of, metavar="YYYYMMDD", help="the last of these days (default: yesterday, UTC)"
    )


def _server(text: str) -> str:
    try:
        url = server_url(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not the URL of a server; write it like http://127.0.0.1:8080"
        ) from None
    if urlsplit(url).path:
        raise argparse.ArgumentTypeError(f"{text!r} must have no path: pings go to /submit/… on that server")
    return url


def _layout(text: str) -> Layout:
    try:
        return Layout(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a layout: choose {' or '.join(Layout)}") from None


def run(args: argparse.Namespace) -> int:
    """Generate the pings; 5 if the server did not accept all of them."""
    wrong = _contradiction(args)
    if wrong is not None:
        say(f"telemetry-server generate: {wrong}")
        return ExitStatus.USAGE
    definitions = _definitions(args.definitions)
    if definitions is None:
        return ExitStatus.BAD_INPUT
    if args.install_specs:
        return _install(args, definitions)
    recipe = Recipe(
        definitions,
        seed=args.seed,
        malformed_rate=args.malformed,
        repeat_rate=args.repeats,
        layout=args.layout,
        lines_only=args.to is None,
        newest_build=_newest_build(args),
    )
    pings: Sequence[GeneratedPing] | Iterator[GeneratedPing] = recipe.pings(args.count)
    count = args.count
    if args.normandy:
        from telemetry_server.generator.normandy_world import normandy_world

        pings = normandy_world(args.count, args.seed).pings
        count = len(pings)
    if args.to is not None:
        return _send(args, iter(pings), count)
    if args.days is not None or args.format == "packed":
        _write_packed(iter(pings), count, args.days or 1, _last_day(args.last_day))
    else:
        _print_lines(iter(pings))
    return ExitStatus.DONE


def _contradiction(args: argparse.Namespace) -> str | None:
    """Return which arguments contradict each other; None if none do."""
    if args.to is not None and (args.days is not None or args.format is not None):
        return "--days and --format do not go with --to: the server sets the time of arrival"
    if args.normandy and (
        args.malformed or args.repeats or args.layout is not Layout.CLASSIC or args.definitions
    ):
        return "--normandy goes with --count, --seed, --format, --days and --to only"
    if args.normandy and args.to is None and args.days is None and args.format != "packed":
        return "--normandy needs --to or --format packed: its pings have paths of several forms"
    if args.days is not None and args.format == "lines":
        return "the format lines has no times of arrival: use --format packed with --days"
    is_packed = args.days is not None or args.format == "packed"
    if args.last_day is not None and not is_packed:
        return "--last-day needs --days"
    if is_packed and not args.install_specs and sys.stdout.isatty():
        return "a packed log is binary: redirect it to a file, or pipe it to telemetry-server convert -"
    return None


def _newest_build(args: argparse.Namespace) -> date | None:
    """
    Return the day on which the first ping arrives, None where pings have no time of arrival.

    Reports leave out builds that are much older or newer than their ping.
    """
    if args.to is not None:
        return datetime.now(UTC).date()
    if args.days is not None or args.format == "packed":
        return _last_day(args.last_day) - timedelta(days=(args.days or 1) - 1)
    return None


def _last_day(text: str | None) -> date:
    """Return the day that *text* names as YYYYMMDD; yesterday if it is None."""
    if text is None:
        return datetime.now(UTC).date() - timedelta(days=1)
    return datetime.strptime(text, "%Y%m%d").date()


def _write_packed(pings: Iterator[GeneratedPing], count: int, days: int, last_day: date) -> None:
    """Write a packed log (v2) of *count* pings to stdout."""
    from telemetry_server.generator.arrivals import arrival_times
    from telemetry_server.imports.formats.exported_ping import SUBMIT_PREFIX
    from telemetry_server.imports.formats.packed_layout import PackedVersion, encode_record

    out = sys.stdout.buffer
    for ping, at in zip(pings, arrival_times(count, days, last_day), strict=True):
        path = ping.path.removeprefix(SUBMIT_PREFIX).encode()
        out.write(encode_record(PackedVersion.V2, path, ping.body, int(at.timestamp() * 1000)))
    out.flush()


def _definitions(path: Path | None) -> Definitions | None:
    from histogram_specs.errors import NotASpecFile

    try:
        return definitions_from(path)
    except OSError as error:
        say(f"telemetry-server generate: {path}: {error.strerror}")
    except NotASpecFile as error:
        say(f"telemetry-server generate: {path}: {error}")
    return None


def _install(args: argparse.Namespace, definitions: Definitions) -> int:
    from histogram_specs.cache.revision_cache import RevisionCache
    from telemetry_server.composition.data_root import prepare_revision_cache

    directory = prepare_revision_cache(settings_of(args))
    RevisionCache(directory).store(definitions.revision, definitions.text)
    if args.json:
        print_json({"revision": definitions.revision_url, "directory": str(directory)})
    else:
        print_text(f"the definitions of {definitions.revision_url} are in {directory}")
    return ExitStatus.DONE


def _print_lines(pings: Iterator[GeneratedPing]) -> None:
    for ping in pings:
        text = zlib.decompress(ping.body, 31)
        sys.stdout.buffer.write(ping.document_id.encode() + b"\t" + text + b"\n")
    sys.stdout.buffer.flush()


def _send(args: argparse.Namespace, pings: Iterator[GeneratedPing], count: int) -> int:
    import asyncio

    from telemetry_server.generator.sender import ServerUnreachable, send_all

    with progress("sending", count, "pings") as bar:
        try:
            answers = asyncio.run(send_all(args.to, pings, MAX_AT_ONCE, bar))
        except ServerUnreachable as error:
            say(f"telemetry-server generate: {error}")
            return ExitStatus.TRY_AGAIN
    if args.json:
        print_json({"sent": sum(answers.values()), "answers": answers})
    else:
        print_text(
            ", ".join(f"{count:,} answered with {status}" for status, count in sorted(answers.items()))
        )
    return ExitStatus.DONE if set(answers) <= {200} else ExitStatus.TRY_AGAIN
