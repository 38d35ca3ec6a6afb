"""``telemetry-server replay``: converts quarantined pings again, with the present definitions."""

import argparse
import asyncio

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.module_imports import importing
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table

EPILOG = """\
examples:
  telemetry-server replay --data ./data --reason unknown_revision --dry-run
  telemetry-server replay --data ./data --reason unknown_revision

A ping that is stored this time leaves quarantine, and the counts change accordingly.  Histograms that
were dropped from stored pings are not replayed.

exit status: 0 done, 5 while pings wait for a revision server"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``replay``."""
    parser.add_argument("--reason", metavar="REASON", help="only pings quarantined for this reason")
    parser.add_argument(
        "--date", type=day_of, metavar="YYYYMMDD", help="only pings that arrived on this day (UTC)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would change; change nothing")
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the outcomes of the replayed pings; 5 while some wait for a revision server."""
    with importing():
        from telemetry_server.composition.conversion import opened_converter
        from telemetry_server.composition.data_root import writable_data_root
        from telemetry_server.coordinator.replay import Replayed, Replayer
    from telemetry_server.outcomes.outcome import HistogramReason, QuarantineReason
    from telemetry_server.outcomes.quarantine_line import CONFLICT
    from telemetry_server.settings.nearest_name import did_you_mean
    from telemetry_server.terminal.output import say

    if args.reason == CONFLICT:
        say(
            "telemetry-server replay: conflicts are not replayed: another ping is stored under the id;"
            f" to see them: telemetry-server cat quarantine --where reason={CONFLICT}"
        )
        return ExitStatus.USAGE
    if args.reason in set(HistogramReason):
        say(
            f"telemetry-server replay: {args.reason} is a reason to drop a histogram, and its ping is stored;"
            f" to see them: telemetry-server cat quarantine --where reason={args.reason}"
        )
        return ExitStatus.USAGE
    if args.reason is not None and args.reason not in set(QuarantineReason):
        reasons = ", ".join(sorted(QuarantineReason))
        hint = did_you_mean(args.reason, QuarantineReason) or f"; there are {reasons}"
        say(f"telemetry-server replay: {args.reason!r} is not a reason for quarantine{hint}")
        return ExitStatus.USAGE
    settings = settings_of(args)
    writable_data_root(settings)

    async def replay() -> Replayed:
        async with opened_converter(settings) as converter:
            return await Replayer(converter).replay(reason=args.reason, day=args.date, dry_run=args.dry_run)

    result = asyncio.run(replay())
    if args.json:
        print_json({**result.as_json(), "dry_run": args.dry_run})
    else:
        rows = [("examined", result.examined), ("stored", result.stored), ("duplicate", result.duplicate)]
        rows += [(f"now {reason}", count) for reason, count in sorted(result.requarantined.items())]
        rows += [("unchanged", result.unchanged), ("waiting for a revision server", result.waiting)]
        print_table(("outcome", "pings"), rows)
        if args.dry_run:
            say("dry run: nothing was changed")
    return ExitStatus.TRY_AGAIN if result.waiting else ExitStatus.DONE
