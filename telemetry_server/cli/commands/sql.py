"""``telemetry-server sql``: one SELECT over the committed tables."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.output_arguments import STDOUT, output_file
from telemetry_server.cli.quantity_arguments import duration, size
from telemetry_server.cli.shared_options import add_settings_options, settings_of
from telemetry_server.terminal.client_text import shown_lines
from telemetry_server.terminal.output import say
from telemetry_server.terminal.printable import printable

if TYPE_CHECKING:
    import duckdb

    from telemetry_server.analysis.output import HeldOutput
    from telemetry_server.analysis.query import QuerySession

FORMATS = ("table", "json", "ndjson", "csv", "parquet")

EPILOG = """\
examples:
  telemetry-server sql "SELECT version, count(*) AS pings FROM pings GROUP BY version ORDER BY version"
  telemetry-server sql --format csv --output gc.csv "SELECT build_id, start, sum(count) AS count
    FROM histogram_buckets WHERE metric = 'GC_MS' AND process = 'parent' GROUP BY ALL ORDER BY ALL"
  telemetry-server sql --file report.sql --format json --timeout 5m

Tables: pings, histograms, histogram_buckets, shapes, scalars, events, uptake, enrollments, records,
quarantine, days, definitions (docs/sql.md).  "DESCRIBE histograms" prints the columns of one.  Times are UTC.

exit status: 2 if the statement is refused or wrong, 4 if a file of a table is missing or damaged,
5 if it was stopped by --timeout or --memory"""


class _Unusable(Exception):
    """Arguments that make no sense together, or a file that cannot be read.  One line."""

    def __init__(self, text: str, status: ExitStatus = ExitStatus.USAGE) -> None:
        super().__init__(text)
        self.status = status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``sql``."""
    parser.add_argument("statement", nargs="?", metavar="SELECT", help="the statement")
    parser.add_argument("--file", metavar="F.sql", help="read the statement from a file; - is stdin")
    parser.add_argument(
        "--format", choices=FORMATS, default="table", help="form of the result (default: table)"
    )
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="the same as --format json"
    )
    parser.add_argument(
        "--output",
        type=output_file,
        default=STDOUT,
        metavar="FILE",
        help="write the result into this file, whole or not at all (default: -, stdout)",
    )
    parser.add_argument(
        "--timeout",
        type=duration,
        default=60.0,
        metavar="60s",
        help="stop the statement after this time (default: 60s)",
    )
    parser.add_argument(
        "--memory", type=size, default=2**30, metavar="1GiB", help="memory that it may use (default: 1GiB)"
    )
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the statement and print its result."""
    from telemetry_server.analysis.committed_files import SnapshotFailed
    from telemetry_server.analysis.extras import TablesNotInstalled
    from telemetry_server.analysis.statement import StatementRefused
    from telemetry_server.analysis.watch import StatementHung, StatementStopped

    try:
        return _run(args)
    except (_Unusable, TablesNotInstalled, StatementRefused, StatementStopped, SnapshotFailed) as error:
        say(f"telemetry-server sql: {printable(str(error))}")
        return {
            TablesNotInstalled: ExitStatus.CONFIGURATION,
            StatementRefused: ExitStatus.USAGE,
            StatementStopped: ExitStatus.TRY_AGAIN,
            SnapshotFailed: ExitStatus.BAD_INPUT,
        }.get(type(error), getattr(error, "status", ExitStatus.OUR_FAULT))
    except StatementHung as hung:
        # Its thread would keep this process from ending.
        if isinstance(hung.cause, StatementStopped):
            say(f"telemetry-server sql: {hung.cause}")
            os._exit(ExitStatus.TRY_AGAIN)
        os._exit(ExitStatus.INTERRUPTED)


def _run(args: argparse.Namespace) -> int:
    from telemetry_server.analysis.query import QueryLimits, opened_session
    from telemetry_server.composition.data_root import existing_data_root, revision_cache_path
    from telemetry_server.composition.stores import stores_of

    statement = _statement_of(args)
    settings = settings_of(args)
    root = existing_data_root(settings)
    specs = revision_cache_path(settings)
    limits = QueryLimits(args.timeout, args.memory)
    with opened_session(root, specs, limits, anonymous=stores_of(settings).anonymous) as session:
        if args.output == STDOUT:
            _print(args, session, statement)
        else:
            with _made(args.output) as file:
                session.run(statement, _writer(args.format, file, width=None, shown=str))
    return ExitStatus.DONE


def _statement_of(args: argparse.Namespace) -> str:
    """
    The statement that the arguments name.

    Raises:
        _Unusable: There is none or there are two, or its file cannot be read.
    """
    if (args.statement is None) == (args.file is None):
        raise _Unusable("name one SELECT, or a --file that holds one")
    if args.format == "parquet" and args.output == STDOUT and sys.stdout.isatty():
        raise _Unusable("parquet is not text; name a file with --output")
    if args.file is None:
        statement: str = args.statement
        return statement
    try:
        data = sys.stdin.buffer.read() if args.file == "-" else Path(args.file).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise _Unusable(f"{args.file}: {error.strerror}", ExitStatus.BAD_INPUT) from None
    except UnicodeDecodeError:
        raise _Unusable(f"{args.file} is not UTF-8", ExitStatus.BAD_INPUT) from None


@contextmanager
def _made(path: Path) -> Iterator[BinaryIO]:
    """The file at *path*, whole or not at all; where it cannot be made, that is one line."""
    from storage.errors import NO_ROOM
    from telemetry_server.analysis.output import whole_file

    try:
        with whole_file(path) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno in NO_ROOM or error.filename is None:
            raise
        raise _Unusable(f"{path}: {error.strerror}", ExitStatus.CONFIGURATION) from None


def _print(args: argparse.Namespace, session: "QuerySession", statement: str) -> None:
    from telemetry_server.analysis.output import HeldOutput

    is_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if is_terminal else None
    sys.stdout.flush()
    held = HeldOutput(sys.stdout.buffer)
    session.run(statement, _writer(args.format, held, width, shown=printable if is_terminal else shown_lines))
    held.release()


def _writer(
    form: str, file: "BinaryIO | HeldOutput", width: int | None, shown: Callable[[str], str]
) -> Callable[["duckdb.DuckDBPyConnection", str], None]:
    """
    Return what runs a statement and writes its result to *file*.

    Args:
        width: Of the terminal; None where there is none.
        shown: Changes the cells of CSV, for a terminal or a pipe.
    """
    from telemetry_server.analysis import result

    def write(connection: "duckdb.DuckDBPyConnection", statement: str) -> None:
        if form == "parquet":
            result.write_parquet(connection, statement, file)
            return
        connection.execute(statement)
        columns, batches = result.columns_of(connection.description or ()), result.batches_of(connection)
        if form == "csv":
            result.write_csv(columns, batches, file.write, shown)
        elif form == "table":
            result.write_table(columns, batches, file.write, width)
        elif form == "json":
            result.write_json(columns, batches, file.write)
        else:
            result.write_ndjson(columns, batches, file.write)

    return write
