"""``telemetry-server compact``: merges the small files of past days."""

import argparse

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table, print_text, progress, say

EPILOG = """\
example: telemetry-server compact --data ./data --date 20261121

Without --date it merges all days before today (UTC).  The server and other commands may run meanwhile."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``compact``."""
    parser.add_argument(
        "--date", type=day_of, metavar="YYYYMMDD", help="only this day (UTC); it must be over"
    )
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print a line for each partition that was merged."""
    from datetime import UTC, datetime
    from importlib.util import find_spec

    from storage.disk import Disk
    from storage.ledger.opening import check_fit, open_ledger
    from storage.lock import FileLock
    from storage.partitions.compact import compact_day
    from storage.tables.merging import compact_tables
    from telemetry_server.composition.data_root import writable_data_root

    today = datetime.now(UTC).strftime("%Y%m%d")
    wanted = args.date
    if wanted is not None and wanted >= today:
        say(f"telemetry-server compact: {wanted} is not over yet (UTC); only past days are merged")
        return ExitStatus.USAGE
    root = writable_data_root(settings_of(args))
    disk = Disk()
    lock = FileLock(root.state / "converter.lock")
    has_pyarrow = find_spec("pyarrow") is not None
    merged = []
    with open_ledger(root, disk) as ledger:
        days = sorted({file.directory.split("/")[1] for file in ledger.files()})
        with progress("merging", unit="partitions") as bar:
            for day in days:
                if day >= today or (wanted is not None and day != wanted):
                    continue
                with lock.held():
                    if ledger.follow_replacement():
                        check_fit(root)
                    for result in compact_day(root.path, ledger, disk, day):
                        merged.append(result)
                        bar.advance()
                if has_pyarrow:
                    for result in compact_tables(root, ledger, disk, day, lock.held):
                        merged.append(result)
                        bar.advance()
    rows = [(m.directory, m.files_before, m.records, m.bytes_before, m.bytes_after) for m in merged]
    if args.json:
        names = ("directory", "files_before", "records", "bytes_before", "bytes_after")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif rows:
        print_table(("partition", "files", "records", "bytes before", "bytes after"), rows)
    else:
        print_text("nothing to merge")
    return ExitStatus.DONE
