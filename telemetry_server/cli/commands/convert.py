"""``telemetry-server convert``: converts all waiting submissions, or imports and converts exported files."""

import argparse
import asyncio
import signal
from shlex import quote
from typing import TYPE_CHECKING

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.module_imports import importing
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table, progress, say

if TYPE_CHECKING:
    from telemetry_server.coordinator.run_summary import RunSummary

EPILOG = """\
examples:
  telemetry-server convert --data ./data
  telemetry-server convert --data ./data telemetry.log.v1.finished
  zcat pings.tsv.gz | telemetry-server convert --data ./data --format lines -

exit status: 0 even if pings were quarantined, 4 if a file was damaged,
5 while pings wait for definitions"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``convert``."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="exported file to import first; - is stdin")
    parser.add_argument(
        "--format",
        choices=("auto", "packed", "export", "lines"),
        default="auto",
        help="format of the files (default: %(default)s, detected from their content)",
    )
    parser.add_argument(
        "--date",
        type=day_of,
        metavar="YYYYMMDD",
        help="day of arrival (UTC) for the format lines, which has no dates",
    )
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Convert, and print the counts of the run; 5 while pings wait for definitions."""
    with importing():
        from storage.progress.conversion_state import ConversionState
        from telemetry_server.composition.conversion import opened_converter
        from telemetry_server.composition.data_root import prepare_data_root
        from telemetry_server.composition.other_processes import OtherProcesses
        from telemetry_server.coordinator.run_summary import RunSummary
        from telemetry_server.observability.metric_types import uncounted

    if not args.files and (args.date or args.format != "auto"):
        say("telemetry-server convert: --format and --date need a FILE, or - for stdin")
        return ExitStatus.USAGE
    settings = settings_of(args)
    prepare_data_root(settings)
    imported = None
    if args.files:
        from telemetry_server.composition.file_imports import import_files

        imported = import_files(settings, args.files, args.format, args.date)

    async def convert() -> tuple[RunSummary, bool]:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        with progress("converting", unit="pings") as bar:
            done = 0

            def show(tally: RunSummary) -> None:
                nonlocal done
                bar.advance(tally.received - done)
                done = tally.received

            others = OtherProcesses(explains_nothing=imported is None)
            async with opened_converter(settings, on_progress=show, on_wait=others.waits) as converter:
                others.begin(converter.ledger)
                await converter.convert_all(should_stop=stopped.is_set)
                ConversionState(converter.root).clear()
                others.end(converter.root, converter.ledger, converter.summary)
                return converter.summary, stopped.is_set()

    with uncounted():
        tally, was_stopped = asyncio.run(convert())
    if imported is not None:
        tally.damaged_records += imported.damaged_records
        tally.damaged_bytes += imported.damaged_bytes
    if args.json or imported is None or imported.read or tally != RunSummary():
        _print(tally, as_json=args.json)
    # Without files: these are imported.
    again = f"telemetry-server convert --data {quote(str(settings.data_dir))}"
    if tally.pending:
        say(_waiting(tally, again))
    if was_stopped:
        say(f"stopped; what was converted is kept; for the rest, run: {again}")
    if was_stopped:
        return ExitStatus.INTERRUPTED
    if imported is not None and imported.is_bad:
        return ExitStatus.BAD_INPUT
    return ExitStatus.TRY_AGAIN if tally.pending else ExitStatus.DONE


def _waiting(tally: "RunSummary", again: str) -> str:
    before = f" ({tally.waited_before:,} waited before this run)" if tally.waited_before else ""
    pings = "1 ping waits" if tally.pending == 1 else f"{tally.pending:,} pings wait"
    return f"{pings} for definitions{before}; when revision_server answers, run: {again}"


def _print(tally: "RunSummary", *, as_json: bool) -> None:
    result = tally.as_json()
    if as_json:
        print_json(result)
        return
    rows: list[tuple[str, object]] = []
    for name, value in result.items():
        if isinstance(value, dict):
            rows += [(f"{name}: {key}", _sum(count)) for key, count in value.items()]
        else:
            # Conflicts are among the duplicates.
            rows.append(("duplicate: conflict" if name == "conflict" else name, value))
        if name == "received" and tally.waited_before:
            rows.append(("waited before", tally.waited_before))
    print_table(("what", "count"), rows)


def _sum(value: object) -> object:
    return sum(value.values()) if isinstance(value, dict) else value
