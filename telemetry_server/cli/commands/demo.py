"""``demo``: runs a temporary server, sends it valid and faulty pings, and checks the outcome of each."""

import argparse
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.number_arguments import integer
from telemetry_server.cli.shared_options import add_json_option
from telemetry_server.terminal.output import print_json, print_table, print_text, progress, say

if TYPE_CHECKING:
    from telemetry_server.demo.verify import Observed, Row
    from telemetry_server.generator.definitions import Definitions
    from telemetry_server.generator.stream import GeneratedPing

EPILOG = """\
example: telemetry-server demo

It uses a temporary data root and a free port, and removes both at the end.
The books balance if received = stored + duplicate + quarantined + pending + deleted.

exit status: 0 if every ping had the expected outcome and the books balance, else 1
"""
PINGS = 400
MALFORMED, REPEATS = 0.25, 0.08
CLIENTS = 8
CLIENTS_IN_STUDIES = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``demo``."""
    parser.add_argument(
        "--seed", type=integer, default=2013, help="the same seed gives the same pings (default: 2013)"
    )
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Send the pings, wait until they are converted, print the table; 1 if any outcome is not as expected."""
    from telemetry_server.demo.temporary_server import ServerFailed
    from telemetry_server.generator.sender import ServerUnreachable

    # SIGTERM ends the demo like Ctrl-C, so that the server and the folder are removed.
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(args)
    except (ServerFailed, ServerUnreachable) as error:
        say(f"telemetry-server demo: {error}")
        return ExitStatus.OUR_FAULT
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # `timeout` sends the signal twice; the second must not interrupt the clean-up.
    signal.signal(number, signal.SIG_IGN)
    at_ctrl_c = signal.getsignal(signal.SIGINT)
    if not callable(at_ctrl_c):  # ignored, as for background jobs of a script
        raise KeyboardInterrupt
    at_ctrl_c(signal.SIGINT, frame)


def _run(args: argparse.Namespace) -> int:
    from telemetry_server.demo.verify import rows_of, study_row
    from telemetry_server.generator.definitions import shipped_definitions
    from telemetry_server.generator.normandy_world import normandy_world
    from telemetry_server.generator.stream import CONFLICT, REPEAT, Recipe

    definitions = shipped_definitions()
    recipe = Recipe(definitions, seed=args.seed, malformed_rate=MALFORMED, repeat_rate=REPEATS)
    # Repeats must come after the pings that they repeat.
    pings = sorted(recipe.pings(PINGS), key=lambda ping: ping.kind in (REPEAT, CONFLICT))
    studies = normandy_world(CLIENTS_IN_STUDIES, args.seed)
    pings += [ping for ping in studies.pings if ping.kind != REPEAT]
    with tempfile.TemporaryDirectory(prefix="telemetry-demo-") as folder:
        seen, answers, stopped_cleanly = _converted(Path(folder) / "data", definitions, pings)
    rows = rows_of(pings, seen)
    of_studies = study_row(studies, seen)
    if of_studies is not None:
        rows.insert(-3, of_studies)
    as_expected = all(row.is_as_expected for row in rows) and answers == {200: len(pings)} and stopped_cleanly
    if args.json:
        print_json(
            {"as_expected": as_expected, "balanced": seen.balanced, "answers": answers, "total": seen.total}
            | {"kinds": [row.as_json() for row in rows]}
        )
    else:
        _print(rows, seen)
    return ExitStatus.DONE if as_expected and seen.balanced else ExitStatus.FINDINGS


def _converted(
    data: Path, definitions: "Definitions", pings: "Sequence[GeneratedPing]"
) -> "tuple[Observed, dict[int, int], bool]":
    """Send *pings* to a server on *data*; return what is found there, the answers, and a clean stop."""
    import asyncio

    from histogram_specs.cache.revision_cache import RevisionCache
    from telemetry_server.demo.temporary_server import TemporaryServer
    from telemetry_server.demo.verify import verify
    from telemetry_server.generator.sender import send_all

    RevisionCache(data / "specs").store(definitions.revision, definitions.text)
    # Offline, so that made-up revisions are unknown at once and no other server is asked.
    with TemporaryServer(data, {"TELEMETRY_REVISION_OFFLINE": "true"}) as server:
        say(f"sending {len(pings)} pings to {server.url}")
        with progress("sending", len(pings), "pings") as bar:
            answers = asyncio.run(send_all(server.url, iter(pings), CLIENTS, bar))
        server.wait_until_converted(len(pings))
        histograms_kept = server.counted("telemetry_histograms_kept_total")
        stopped_cleanly = server.stop()
    return verify(data, histograms_kept), answers, stopped_cleanly


def _print(rows: "Sequence[Row]", seen: "Observed") -> None:
    print_table(
        ("kind of ping", "pings", "outcome", "expected", "actual", ""),
        [
            (row.kind, row.sent, row.becomes, row.expected, row.seen, "" if row.is_as_expected else "WRONG")
            for row in rows
        ],
    )
    total = seen.total
    outcomes = ("stored", "duplicate", "quarantined", "pending", "deleted")
    sums = " + ".join(f"{name} {total[name]}" for name in outcomes)
    print_text(f"\nreceived {total['received']} = {sums}")
    print_text(
        "the books balance: every ping has exactly one outcome"
        if seen.balanced
        else "the books do NOT balance"
    )
