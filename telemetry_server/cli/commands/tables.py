"""``telemetry-server tables``: the Parquet files, compared with the records, or rebuilt."""

import argparse
import asyncio
import signal
from collections import defaultdict
from typing import TYPE_CHECKING

from storage.tables.columns import TABLES
from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.module_imports import importing
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_table, progress, say

if TYPE_CHECKING:
    from storage.ledger.table_files import TableFile

EPILOG = """\
examples:
  telemetry-server tables status --data ./data
  telemetry-server tables check --date 20261121
  telemetry-server tables rebuild --table histograms

Each action has its own --help."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions and options of ``tables``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="status|check|rebuild")
    for name, summary, epilog in (
        ("status", "list the committed files", "example: telemetry-server tables status --json"),
        (
            "check",
            "read records and tables again, and compare",
            "Conversion may go on meanwhile.\n\nexit status: 1 where anything differs",
        ),
        (
            "rebuild",
            "rebuild tables from the records",
            "Records that are in no table yet are put into them, too.  Conversion may go on meanwhile;\n"
            "a run that was stopped continues when it is run again.",
        ),
    ):
        action = actions.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        action.add_argument("--table", choices=TABLES, metavar="T", help="only this table")
        action.add_argument("--date", type=day_of, metavar="YYYYMMDD", help="only this day of arrival (UTC)")
        add_json_option(action)
        add_settings_options(action)


def run(args: argparse.Namespace) -> int:
    """Do what the action says."""
    settings = settings_of(args)
    if args.action == "status":
        return _status(args, settings)
    _require_pyarrow()
    return _check(args, settings) if args.action == "check" else _rebuild(args, settings)


def _require_pyarrow() -> None:
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise ConfigurationError("PyArrow is not installed; pip install 'telemetry-server[tables]'")


def _status(args: argparse.Namespace, settings: Settings) -> int:
    from storage.ledger.ledger import Ledger
    from telemetry_server.composition.data_root import existing_data_root

    with Ledger.for_reading(existing_data_root(settings)) as ledger, ledger.snapshot():
        files = ledger.table_files(args.table, args.date)
        behind = ledger.tabled(args.date, behind_only=True)
    if args.json:
        print_json(
            [
                {"table": f.table, "day": f.day, "path": f.path, "rows": f.rows, "bytes": f.bytes}
                for f in files
            ]
        )
        return ExitStatus.DONE
    groups: defaultdict[tuple[str, str], list[TableFile]] = defaultdict(list)
    for file in files:
        groups[file.table, file.day].append(file)
    print_table(
        ("table", "day", "files", "rows", "bytes"),
        [
            (*key, len(group), sum(f.rows for f in group), sum(f.bytes for f in group))
            for key, group in groups.items()
        ],
    )
    if behind:
        missing = sum(file.length - file.tabled for file in behind)
        say(f"not in the tables yet: {missing:,} bytes of records in {len(behind):,} files")
    return ExitStatus.DONE


def _check(args: argparse.Namespace, settings: Settings) -> int:
    from storage.ledger.ledger import Ledger
    from telemetry_server.composition.conversion import setup_of
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.tables.check import check_day, days_of

    root = existing_data_root(settings)
    finder = setup_of(settings).definition_finder
    tables = (args.table,) if args.table else TABLES
    checked = []
    with Ledger.for_reading(root) as ledger, progress("checking", unit="bytes") as bar:
        days = days_of(ledger, args.date)
        bar.total(sum(file.tabled for day in days for file in ledger.tabled(day)))
        for day in days:
            checked.append(check_day(root, ledger, finder, day, tables=tables, on_bytes=bar.advance))
    findings = [finding for day in checked for finding in day.findings]
    rows = sum(day.rows for day in checked)
    if args.json:
        print_json({"days": len(checked), "rows": rows, "findings": findings})
    else:
        print_table(("day", "rows", "findings"), [(d.day, d.rows, len(d.findings)) for d in checked])
        print("the tables DIFFER from the records:" if findings else "the tables hold what the records say")
        for finding in findings:
            say(f"  {finding}")
        if findings:
            say("to rebuild them: telemetry-server tables rebuild")
    return ExitStatus.FINDINGS if findings else ExitStatus.DONE


def _rebuild(args: argparse.Namespace, settings: Settings) -> int:
    from storage.disk import Disk
    from storage.ledger.ledger import Ledger

    with importing():
        from telemetry_server.composition.conversion import opened_converter, setup_of
        from telemetry_server.composition.data_root import writable_data_root
        from telemetry_server.tables.rebuild import Rebuilder

    if not settings.tables:
        raise ConfigurationError("tables is false, so there are none to rebuild; set it to true")
    root = writable_data_root(settings)
    tables = (args.table,) if args.table else TABLES
    rebuilt = []
    with progress("rebuilding", unit="bytes") as bar:
        with Ledger(root.ledger) as ledger:
            files = ledger.tabled(args.date)
            bar.total(sum(file.length for file in files))
            rebuilder = Rebuilder(root, ledger, Disk(), setup_of(settings).definition_finder, bar.advance)
            # A day without tables is read back below, where it can be broken off and gone on with.
            days = {file.day for file in ledger.table_files(day=args.date)}
            days |= {file.day for file in files if file.tabled}
            for day in sorted(days):
                rebuilt.append((day, rebuilder.rebuild_day(day, tables)))

        async def catch_up() -> bool:
            stopped = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stopped.set)
            async with opened_converter(settings) as converter:
                await converter.finish_tables(should_stop=stopped.is_set, on_bytes=bar.advance)
            return stopped.is_set()

        was_stopped = asyncio.run(catch_up())
    with Ledger(root.ledger, read_only=True) as ledger:
        rows = sum(file.rows for file in ledger.table_files(args.table, args.date))
    if args.json:
        print_json({"days": [day for day, _ in rebuilt], "rows": rows})
    else:
        print(f"the tables have {rows:,} rows; days rebuilt: {len(rebuilt)}")
    if was_stopped:
        say("stopped: what is in the tables stays, run it again for the rest")
        return ExitStatus.INTERRUPTED
    return ExitStatus.DONE
