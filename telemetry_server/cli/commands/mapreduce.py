"""``telemetry-server mapreduce``: runs a job over the stored records."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.number_arguments import positive
from telemetry_server.cli.shared_options import add_json_option, settings_of
from telemetry_server.terminal.output import print_json, progress, say

if TYPE_CHECKING:
    from telemetry_server.mapreduce.bad_records import BadLimit, BadRecords
    from telemetry_server.mapreduce.execute import OpenOutput, Report
    from telemetry_server.mapreduce.work import JobSpec

EPILOG = """\
examples:
  telemetry-server mapreduce systems.py --filter nightly.json --output systems.txt
  telemetry-server mapreduce count --data ./data
  telemetry-server mapreduce --map 'cut -f2' --reduce 'cut -f1 | uniq -c' --output counts.txt
  telemetry-server mapreduce systems.py --part monday.part          (on each machine)
  telemetry-server mapreduce systems.py --merge monday.part tuesday.part --output systems.txt

JOB.py is a Python file with map(key, dims, value, context), or the name of a built-in job: count, dimensions,
duplicates, frontend.  docs/analysis.md shows how to write one.

exit status: 1 if the job fails or too many records are bad, 2 if the filter is wrong, 4 if a part does not
fit or an input is damaged, 5 if a mapper was killed or the disk is full"""
REFUSED: dict[tuple[str, ...], str] = {
    ("-b", "--bucket"): "there is no cloud store; --data names the data root",
    ("-k", "--aws-key"): "there is no cloud store that would need a key",
    ("-s", "--aws-secret-key"): "there is no cloud store that would need a key",
    ("-X", "--delete-files"): "a job never deletes its input",
}


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


_OPTIONS: dict[tuple[str, ...], dict[str, Any]] = {
    ("-f", "--filter", "--input-filter"): {
        "type": Path,
        "metavar": "FILTER.json",
        "help": "read only the folders that it selects",
    },
    ("-o", "--output"): {
        "type": Path,
        "metavar": "FILE",
        "help": "write the output there, whole or not at all (default: stdout)",
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
    ("--max-bad",): {
        "type": _bad_limit,
        "default": "1%",
        "metavar": "N|N%",
        "help": "how many records may fail in map (default: 1%%)",
    },
    ("--part",): {"type": Path, "metavar": "PART", "help": "only map and combine, into this file"},
    ("--merge",): {"type": Path, "nargs": "+", "metavar": "PART", "help": "combine and reduce these parts"},
}


class _Refused(argparse.Action):
    """An option of the original server that has no meaning here."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        names = tuple(self.option_strings)
        parser.error(f"{'/'.join(names)} is not supported: {REFUSED[names]}")


class _Unusable(Exception):
    """Arguments that make no sense together.  One line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``mapreduce``; the original server's spellings are accepted, too."""
    parser.add_argument("job", nargs="?", metavar="JOB.py", help="the job: a Python file, or a built-in job")
    programs = parser.add_argument_group("programs, instead of JOB.py")
    programs.add_argument("--map", metavar="CMD", help="from <docid> <dims> <record> to <key> <value>")
    programs.add_argument("--combine", metavar="CMD", help="from sorted <key> <value> to one for each key")
    programs.add_argument("--reduce", metavar="CMD", help="from sorted <key> <value> to the output")
    for names, words in _OPTIONS.items():
        parser.add_argument(*names, **words)
    add_json_option(parser)
    parser.add_argument(
        "-d", "--data", "--data-dir", dest="data_dir", metavar="DIR", help="the data root (default: ./data)"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, as TOML")
    # All data is local, and every run says what it did.
    for names in (("-l", "--local-only"), ("-v", "--verbose")):
        parser.add_argument(*names, action="store_true", help=argparse.SUPPRESS)
    for names in REFUSED:
        nargs = 0 if names == ("-X", "--delete-files") else 1
        parser.add_argument(*names, action=_Refused, nargs=nargs, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Run the job, make a part, or merge parts."""
    from telemetry_server.mapreduce import errors

    statuses = {
        errors.JobFailed: ExitStatus.FINDINGS,
        errors.BadFilter: ExitStatus.USAGE,
        errors.UnreadableFile: ExitStatus.BAD_INPUT,
        errors.BadPart: ExitStatus.BAD_INPUT,
        errors.ProcessDied: ExitStatus.TRY_AGAIN,
        errors.ClusterFailed: ExitStatus.TRY_AGAIN,
        errors.ClusterNotInstalled: ExitStatus.CONFIGURATION,
        errors.UnusableFolder: ExitStatus.CONFIGURATION,
        _Unusable: ExitStatus.USAGE,
    }
    try:
        with _ended_by_sigterm():
            return _run(args)
    except tuple(statuses) as error:
        bad = getattr(error, "bad", None)
        if bad is not None:
            _say_bad(bad)
        say(f"telemetry-server mapreduce: {error}")
        return next(status for kind, status in statuses.items() if isinstance(error, kind))


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Clean up at SIGTERM as at Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(args: argparse.Namespace) -> int:
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.mapreduce import execute
    from telemetry_server.mapreduce.run import RunOptions

    _check(args)
    job = _job_of(args)
    target: Path | None = args.part or args.output
    work = args.work or Path(tempfile.gettempdir())
    if args.merge:
        open_output = _opened(target)
        totals = execute.merge_parts(job, args.merge, work, open_output)
    else:
        root = existing_data_root(settings_of(args))
        wanted = execute.filter_of(root, args.filter)
        open_output = _opened(target)
        mappers = args.mappers or len(os.sched_getaffinity(0))
        options = RunOptions(mappers, 1 if args.part else args.reducers, args.max_bad)
        do = execute.make_part if args.part else execute.run_job
        with progress("mapping", unit="bytes") as bar:
            report = do(job, wanted, execute.Place(root, work), options, open_output=open_output, bar=bar)
        totals = report.totals
        _say_report(report)
    if args.json:
        print_json(totals.as_json())
    else:
        say(
            f"{totals.files:,} files, {totals.records:,} records, {totals.skipped:,} skipped,"
            f" {totals.keys:,} keys"
        )
    return ExitStatus.DONE


def _check(args: argparse.Namespace) -> None:
    """
    Check that the arguments make sense together.

    Raises:
        _Unusable: They do not.
    """
    programs = [name for name in ("map", "combine", "reduce") if getattr(args, name) is not None]
    if (args.job is None) == (args.map is None):
        raise _Unusable("name one job: JOB.py, or programs with --map")
    if args.job is not None and programs:
        raise _Unusable(f"--{programs[0]} goes with --map, not with JOB.py")
    if args.part and (args.output or args.merge):
        raise _Unusable("--part writes a part, so it does not go with --output or --merge")
    if args.merge and args.filter:
        raise _Unusable("--filter goes with --part; the parts are already filtered")
    if args.json and not (args.output or args.part):
        raise _Unusable("--json prints totals on stdout; name a file for the output with --output")


def _job_of(args: argparse.Namespace) -> "JobSpec":
    from telemetry_server.mapreduce.job_file import read_job
    from telemetry_server.mapreduce.python_spec import PythonSpec

    return PythonSpec(read_job(Path(args.job)))


def _opened(path: Path | None) -> "OpenOutput":
    """
    Return what opens the output.

    Raises:
        UnusableFolder: It cannot be written.
    """
    from telemetry_server.mapreduce.output_file import check_writable, standard_output, whole_output

    if path is None:
        return partial(standard_output, sys.stdout)
    check_writable(path)
    return partial(whole_output, path)


def _say_report(report: "Report") -> None:
    _say_bad(report.bad)
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
