"""``demo``: a throw-away server, pings good and bad, and what became of each."""

import argparse
import signal
import tempfile
from pathlib import Path
from types import FrameType

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.number_arguments import integer
from telemetry_server.cli.shared_options import add_json_option
from telemetry_server.terminal.output import print_json, print_table, print_text, progress, say

EPILOG = """\
example: telemetry-server demo

exit status: 0 if every ping ended as expected and the books balance, else 1
"""
PINGS = 400
MALFORMED, REPEATS = 0.25, 0.08
CLIENTS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``demo``."""
    parser.add_argument("--seed", type=integer, default=2013, help="equal seeds, equal pings (default: 2013)")
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Send the pings, wait until they are converted, print the table; 1 if anything is not as expected."""
    from telemetry_server.demo.temporary_server import ServerFailed
    from telemetry_server.generator.sender import ServerUnreachable

    # What ends us must not leave a folder behind, nor a server: SIGTERM ends the demo as Ctrl-C does.
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _show(args)
    except (ServerFailed, ServerUnreachable) as error:
        say(f"telemetry-server demo: {error}")
        return ExitStatus.OUR_FAULT
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # `timeout` sends it twice, and the second must not break off the tidying up.
    signal.signal(number, signal.SIG_IGN)
    at_ctrl_c = signal.getsignal(signal.SIGINT)
    if not callable(at_ctrl_c):  # ignored, as in the background of a script
        raise KeyboardInterrupt
    at_ctrl_c(signal.SIGINT, frame)


def _show(args: argparse.Namespace) -> int:
    import asyncio

    from histogram_specs.cache.revision_cache import RevisionCache
    from telemetry_server.demo.temporary_server import TemporaryServer
    from telemetry_server.demo.verify import rows_of, verify
    from telemetry_server.generator.definitions import shipped_definitions
    from telemetry_server.generator.sender import send_all
    from telemetry_server.generator.stream import CONFLICT, REPEAT, Recipe

    definitions = shipped_definitions()
    recipe = Recipe(definitions, seed=args.seed, malformed_rate=MALFORMED, repeat_rate=REPEATS)
    pings = list(recipe.pings(PINGS))
    # What is sent again comes after what it repeats.
    pings.sort(key=lambda ping: ping.kind in (REPEAT, CONFLICT))
    with tempfile.TemporaryDirectory(prefix="telemetry-demo-") as folder:
        data = Path(folder) / "data"
        RevisionCache(data / "specs").store(definitions.revision, definitions.text)
        # Offline: a made-up revision is unknown at once, and nobody outside is asked.
        with TemporaryServer(data, {"TELEMETRY_REVISION_OFFLINE": "true"}) as server:
            say(f"sending {PINGS} pings to {server.url}")
            with progress("sending", PINGS, "pings") as bar:
                answers = asyncio.run(send_all(server.url, iter(pings), CLIENTS, bar))
            server.wait_until_converted(PINGS)
            histograms_kept = server.counted("telemetry_histograms_kept_total")
            stopped_cleanly = server.stop()
        seen = verify(data, histograms_kept)
    rows = rows_of(pings, seen)
    as_expected = all(row.is_as_expected for row in rows) and answers == {200: PINGS} and stopped_cleanly
    if args.json:
        print_json(
            {"as_expected": as_expected, "balanced": seen.balanced, "answers": answers, "total": seen.total}
            | {"kinds": [row.as_json() for row in rows]}
        )
    else:
        print_table(
            ("what was sent", "pings", "what becomes of it", "expected", "seen", ""),
            [
                (
                    row.kind,
                    row.sent,
                    row.becomes,
                    row.expected,
                    row.seen,
                    "" if row.is_as_expected else "WRONG",
                )
                for row in rows
            ],
        )
        total = seen.total
        ends = ("stored", "duplicate", "quarantined", "pending", "deleted")
        print_text(
            f"\nreceived {total['received']} = " + " + ".join(f"{name} {total[name]}" for name in ends)
        )
        print_text("the books balance" if seen.balanced else "the books do NOT balance")
    return ExitStatus.DONE if as_expected and seen.balanced else ExitStatus.FINDINGS
