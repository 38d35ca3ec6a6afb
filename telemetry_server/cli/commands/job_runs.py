"""What the commands that run map-reduce jobs share: options, messages, exit statuses."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.number_arguments import positive
from telemetry_server.terminal.output import say

if TYPE_CHECKING:
    from telemetry_server.mapreduce.bad_records import BadLimit, BadRecords
    from telemetry_server.mapreduce.execute import Report
    from telemetry_server.mapreduce.run import Totals


class Unusable(Exception):
    """Arguments that make no sense together.  One line."""


def _bad_limit(text: str) -> "BadLimit":
    from telemetry_server.mapreduce.bad_records import BadLimit

    is_share = text.endswith("%")
    try:
        number = float(text[:-1]) if is_share else int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= (100 if is_share else sys.maxsize):
        raise argparse.ArgumentTypeError(f"{text!r} is not a count, such as 10, or a share, such as 1%")
    return BadLimit(share=number / 100) if is_share else BadLimit(count=int(number))


def _scheduler_address(text: str) -> str:
    """Return *text* if it is `[SCHEME://]HOST:PORT`; a port is not needed for websockets."""
    address = text if "://" in text else f"tcp://{text}"
    scheme = address.partition("://")[0]
    try:
        parts = urlsplit(address)
        is_address = bool(parts.hostname and (parts.port or scheme in ("ws", "wss")))
    except ValueError:
        is_address = False
    if not is_address or scheme not in ("tcp", "tls", "ws", "wss", "ucx", "ucxx"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not the address of a scheduler, such as tcp://host:8786"
        )
    return text


# The original server's spellings are accepted, too.
_OPTIONS: dict[tuple[str, ...], dict[str, Any]] = {
    ("-f", "--filter", "--input-filter"): {
        "type": Path,
        "metavar": "FILTER.json",
        "help": "read only the folders that it selects",
    },
    ("-m", "--mappers", "--num-mappers"): {
        "type": positive,
        "metavar": "N",
        "help": "mapper processes (default: one for each core)",
    },
    ("-r", "--reducers", "--num-reducers"): {
        "type": positive,
        "default": 1,
        "metavar": "N",
        "help": "reducer processes (default: 1)",
    },
    ("-w", "--work", "--work-dir"): {
        "type": Path,
        "metavar": "DIR",
        "help": "folder for temporary files (default: $TMPDIR)",
    },
    ("--cluster",): {
        "type": _scheduler_address,
        "metavar": "ADDRESS",
        "help": "map on the workers of this Dask scheduler, such as tcp://host:8786",
    },
    ("--max-bad",): {
        "type": _bad_limit,
        "default": "1%",
        "metavar": "N|N%",
        "help": "how many records may fail in map (default: 1%%)",
    },
    ("-d", "--data", "--data-dir"): {
        "dest": "data_dir",
        "metavar": "DIR",
        "help": "the data root (default: ./data)",
    },
    ("--config",): {"type": Path, "metavar": "FILE", "help": "settings, as TOML"},
}


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every run."""
    for names, words in _OPTIONS.items():
        parser.add_argument(*names, **words)


def mappers_of(args: argparse.Namespace) -> int:
    """Return the number of mappers: by default one for each core that this process may use."""
    return args.mappers or len(os.sched_getaffinity(0))


def reported(command: str, run: Callable[[], int]) -> int:
    """Return the exit status of *run*; what it raises is one line.  SIGTERM ends it as Ctrl-C does."""
    from telemetry_server.mapreduce import errors

    statuses: dict[type[Exception], ExitStatus] = {
        errors.JobFailed: ExitStatus.FINDINGS,
        errors.BadFilter: ExitStatus.USAGE,
        errors.UnreadableFile: ExitStatus.BAD_INPUT,
        errors.BadPart: ExitStatus.BAD_INPUT,
        errors.ArchiveUnusable: ExitStatus.TRY_AGAIN,
        errors.ProcessDied: ExitStatus.TRY_AGAIN,
        errors.ClusterFailed: ExitStatus.TRY_AGAIN,
        errors.ClusterNotInstalled: ExitStatus.CONFIGURATION,
        errors.UnusableFolder: ExitStatus.CONFIGURATION,
        Unusable: ExitStatus.USAGE,
    }
    try:
        with _ended_by_sigterm():
            return run()
    except tuple(statuses) as error:
        bad = getattr(error, "bad", None)
        if bad is not None:
            _say_bad(bad)
        say(f"telemetry-server {command}: {error}")
        return next(status for kind, status in statuses.items() if isinstance(error, kind))


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def say_report(report: "Report") -> None:
    """Say which records were skipped, why no file was read, and where the time went."""
    _say_bad(report.bad)
    if report.profile is not None:
        say(report.profile)
    selection = report.selection
    if not selection.files:
        pruned = sum(selection.pruned.values())
        by = ", ".join(f"{name} ({count:,})" for name, count in selection.pruned.items())
        say(f"no records match: {pruned:,} files" + (f", excluded by {by}" if by else ""))


def _say_bad(bad: "BadRecords") -> None:
    for _, _, words in bad.first:
        say(f"skipped {words}")
    if bad.count > len(bad.first):
        say(f"skipped {bad.count - len(bad.first):,} more")


def say_totals(totals: "Totals") -> None:
    """Say what a run did."""
    say(
        f"{totals.files:,} files, {totals.records:,} records, {totals.skipped:,} skipped,"
        f" {totals.keys:,} keys"
    )
