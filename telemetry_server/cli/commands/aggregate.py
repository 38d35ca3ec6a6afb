"""``telemetry-server aggregate``: brings the aggregates up to date, or checks them."""

import argparse

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_text, progress, say

EPILOG = """\
examples:
  telemetry-server aggregate --data ./data
  telemetry-server aggregate --check

Aggregates are sums of the tables by build, day and other dimensions.  They can be removed at any time
(state/aggregates) and made again.  `serve` keeps them up to date by itself.

exit status: 1 if --check finds a difference, 4 if a file of a table is missing, or a
sum is too large for 64 bits"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``aggregate``."""
    parser.add_argument(
        "--check", action="store_true", help="compute them again, and compare with the stored ones"
    )
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Bring the aggregates up to date, or check them."""
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise ConfigurationError("PyArrow is not installed; pip install 'telemetry-server[tables]'")
    settings = settings_of(args)
    return _check(args, settings) if args.check else _update(args, settings)


def _update(args: argparse.Namespace, settings: Settings) -> int:
    from storage.disk import Disk
    from storage.ledger.ledger import Ledger
    from telemetry_server.aggregates.update import TableFileMissing, TablesKeepChanging, Updater
    from telemetry_server.composition.data_root import writable_data_root

    root = writable_data_root(settings)
    with progress("summing up", unit="rows") as bar:
        with Ledger.for_reading(root) as ledger:
            bar.total(sum(file.rows for file in ledger.table_files()))
        try:
            result = Updater(root, Disk(), bar.advance).update()
        except TablesKeepChanging as error:
            say(f"telemetry-server aggregate: {error}; run it again")
            return ExitStatus.TRY_AGAIN
        except TableFileMissing as error:
            say(f"telemetry-server aggregate: {error}")
            return ExitStatus.BAD_INPUT
    if args.json:
        print_json(
            {
                "days": result.days,
                "summaries": result.summaries,
                "rows": result.rows,
                "overflows": result.overflows,
            }
        )
    elif result.days:
        print_text(f"days that changed: {', '.join(result.days)}")
    else:
        print_text("nothing changed")
    for overflow in result.overflows:
        say(f"  left out, a sum is past 2^63 - 1: {overflow}")
    return ExitStatus.BAD_INPUT if result.overflows else ExitStatus.DONE


def _check(args: argparse.Namespace, settings: Settings) -> int:
    from storage.ledger.ledger import Ledger
    from telemetry_server.aggregates.check import Checker
    from telemetry_server.composition.data_root import existing_data_root

    root = existing_data_root(settings)
    with progress("checking", unit="rows") as bar:
        with Ledger.for_reading(root) as ledger:
            bar.total(sum(file.rows for file in ledger.table_files()))
        result = Checker(root, bar.advance).check()
    if args.json:
        print_json(
            {
                "days": result.days,
                "summaries": result.summaries,
                "behind": result.behind,
                "findings": result.findings,
            }
        )
    else:
        if result.findings:
            print_text("the aggregates DIFFER from the tables:")
        elif result.days:
            print_text(f"the aggregates of {result.days:,} days hold what the tables say")
        else:
            print_text("no day has been summed up yet")
        if result.behind:
            print_text(f"not up to date (telemetry-server aggregate does that): {', '.join(result.behind)}")
        for finding in result.findings:
            say(f"  {finding}")
        if result.findings:
            say("to make them again: remove state/aggregates, and run telemetry-server aggregate")
    return ExitStatus.FINDINGS if result.findings else ExitStatus.DONE
