"""``telemetry-server cat``: prints submissions, records or quarantine, one line each."""

import argparse
import sys
from collections.abc import Iterator

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_settings_options, settings_of
from telemetry_server.terminal.client_text import shown_json
from telemetry_server.terminal.output import say

EPILOG = """\
examples:
  telemetry-server cat converted --data ./data --where reason=idle-daily --where appVersion='23.*'
  telemetry-server cat quarantine --data ./data --where reason=unknown_histogram
  telemetry-server cat raw --data ./data --date 20261122 | head -1 | cut -f2 | python3 -m json.tool

Each line is <docid>, a tab, JSON.
converted: --where takes the dimensions of the partition schema
(by default reason, appName, appUpdateChannel, appVersion, appBuildID) and then reads only the matching
folders.  It also takes namespace and doctype, which are compared with each record of all folders.
raw and quarantine: --where takes a field of the object (reason, histogram, document_id …) or a part of
its submit path (namespace, doctype, appName, appVersion, appUpdateChannel, appBuildID).
In a VALUE, * matches any characters and ? matches one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``cat``."""
    parser.add_argument(
        "what", choices=("raw", "converted", "quarantine"), metavar="raw|converted|quarantine"
    )
    parser.add_argument("--date", type=day_of, metavar="YYYYMMDD", help="only this day of arrival (UTC)")
    parser.add_argument(
        "--where",
        action="append",
        type=_condition,
        default=[],
        metavar="NAME=VALUE",
        help="only lines that match; can be repeated",
    )
    parser.add_argument(
        "--identities",
        action="store_true",
        help="raw: print pings of anonymous stores as received, with their client ids",
    )
    parser.add_argument("--json", action="store_true", help="no effect: lines are always JSON")
    add_settings_options(parser)


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def run(args: argparse.Namespace) -> int:
    """Print the lines that match."""
    from storage.ledger.ledger import Ledger
    from storage.partitions.reader import Filter
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.inspection import listing

    settings = settings_of(args)
    root = existing_data_root(settings)
    wanted = Filter(args.date, tuple(args.where))
    out = sys.stdout.buffer
    with Ledger.for_reading(root) as ledger:
        unknown = listing.unknown_name(args.what, ledger, wanted)
        if unknown is not None:
            say(f"telemetry-server cat: {unknown}")
            return ExitStatus.USAGE
        if args.what == "converted":
            for note in listing.notes_on_other(ledger, wanted):
                say(f"telemetry-server cat: {note}")
        damage: list[str] = []

        def on_damage(text: str) -> None:
            damage.append(text)
            say(f"telemetry-server cat: {text}; intact lines are printed")

        found: Iterator[bytes]
        if args.what == "raw" and not args.identities:
            from telemetry_server.composition.conversion import setup_of

            found = listing.raw(root, ledger, wanted, on_damage, setup_of(settings).writable)
        else:
            found = listing.READERS[args.what](root, ledger, wanted, on_damage)
        for line in found:
            # Safe to print: the id has only characters of a path, and the rest of the line is JSON.
            out.write(shown_json(line) + b"\n")
        out.flush()
    return ExitStatus.BAD_INPUT if damage else ExitStatus.DONE
