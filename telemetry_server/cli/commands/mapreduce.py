"""``telemetry-server mapreduce``: runs a job over the stored records."""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry_server.cli.commands.job_runs import (
    Unusable,
    add_run_options,
    mappers_of,
    reported,
    say_report,
    say_totals,
)
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.module_imports import importing
from telemetry_server.cli.output_arguments import STDOUT, output_file
from telemetry_server.cli.shared_options import add_json_option, settings_of
from telemetry_server.terminal.output import print_json, progress

if TYPE_CHECKING:
    from telemetry_server.mapreduce.execute import OpenOutput
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
IGNORED: dict[tuple[str, ...], str] = {
    ("-l", "--local-only"): "all data is local",
    ("-v", "--verbose"): "every run says what it did",
}
REFUSED: dict[tuple[str, ...], str] = {
    ("-b", "--bucket"): "data is never in a cloud store; --data names the data root",
    ("-k", "--aws-key"): "data is never in a cloud store, so a key has no use",
    ("-s", "--aws-secret-key"): "data is never in a cloud store, so a key has no use",
    ("-X", "--delete-files"): "a job never deletes its input",
}


class _Refused(argparse.Action):
    """An option of the original server that has no meaning here."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        names = tuple(self.option_strings)
        parser.error(f"{'/'.join(names)} is not supported: {REFUSED[names]}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``mapreduce``."""
    parser.add_argument("job", nargs="?", metavar="JOB.py", help="the job: a Python file, or a built-in job")
    programs = parser.add_argument_group("programs, instead of JOB.py")
    programs.add_argument("--map", metavar="CMD", help="from <docid> <dims> <record> to <key> <value>")
    programs.add_argument("--combine", metavar="CMD", help="from sorted <key> <value> to one for each key")
    programs.add_argument("--reduce", metavar="CMD", help="from sorted <key> <value> to the output")
    add_run_options(parser)
    parser.add_argument(
        *("-o", "--output"),
        type=output_file,
        metavar="FILE",
        help="write the output there, whole or not at all (default: -, stdout)",
    )
    parser.add_argument(
        "--part", type=output_file, metavar="PART", help="only map and combine, into this file; - is stdout"
    )
    parser.add_argument(
        "--merge", type=Path, nargs="+", metavar="PART", help="combine and reduce these parts"
    )
    add_json_option(parser)
    original = parser.add_argument_group("options of the original server")
    original.add_argument(
        *("-p", "--profile"), action="store_true", help="show which functions take the time, on stderr"
    )
    for names, reason in IGNORED.items():
        original.add_argument(*names, action="store_true", help=f"no effect: {reason}")
    for names, reason in REFUSED.items():
        nargs = 0 if "-X" in names else 1
        original.add_argument(*names, action=_Refused, nargs=nargs, metavar="", help=f"refused: {reason}")


def run(args: argparse.Namespace) -> int:
    """Run the job, make a part, or merge parts."""
    return reported("mapreduce", lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    with importing():
        from telemetry_server.mapreduce.fork_server import started_context

    _check(args)
    started_context()
    with importing():
        from telemetry_server.composition.data_root import existing_data_root
        from telemetry_server.mapreduce import execute
        from telemetry_server.mapreduce.run import RunOptions

    job = _job_of(args)
    target: Path = args.part or args.output or STDOUT
    work = args.work or Path(tempfile.gettempdir())
    if args.merge:
        open_output = _opened(target)
        totals = execute.merge_parts(job, args.merge, work, open_output)
    else:
        root = existing_data_root(settings_of(args))
        wanted = execute.filter_of(root, args.filter)
        open_output = _opened(target)
        options = RunOptions(
            mappers_of(args), 1 if args.part else args.reducers, args.max_bad, profiles=args.profile
        )
        do = execute.make_part if args.part else execute.run_job
        place = execute.Place(root, work, args.cluster)
        open_bar = partial(progress, "mapping", unit="bytes")
        report = do(job, wanted, place, options, open_output=open_output, open_bar=open_bar)
        totals = report.totals
        say_report(report)
    if args.json:
        print_json(totals.as_json())
    else:
        say_totals(totals)
    return ExitStatus.DONE


def _check(args: argparse.Namespace) -> None:
    """
    Check that the arguments make sense together.

    Raises:
        Unusable: They do not.
    """
    programs = [name for name in ("map", "combine", "reduce") if getattr(args, name) is not None]
    if (args.job is None) == (args.map is None):
        raise Unusable("name one job: JOB.py, or programs with --map")
    if args.job is not None and programs:
        raise Unusable(f"--{programs[0]} goes with --map, not with JOB.py")
    if args.part and (args.output or args.merge):
        raise Unusable("--part writes a part, so it does not go with --output or --merge")
    if args.merge and args.cluster:
        raise Unusable("--cluster maps records; --merge only reduces, on this machine")
    if args.merge and args.filter:
        raise Unusable("--filter goes with --part; the parts are already filtered")
    target = args.part or args.output or STDOUT
    if args.json and target == STDOUT:
        raise Unusable("--json prints totals on stdout; name a file for the output with --output")
    if args.part == STDOUT and sys.stdout.isatty():
        raise Unusable("a part is not text; name a file with --part")


def _job_of(args: argparse.Namespace) -> "JobSpec":
    from telemetry_server.mapreduce.errors import UnreadableFile
    from telemetry_server.mapreduce.job_file import read_job
    from telemetry_server.mapreduce.jobs.names import BUILT_IN
    from telemetry_server.mapreduce.programs import ProgramSpec
    from telemetry_server.mapreduce.python_spec import PythonSpec

    if args.map is not None:
        return ProgramSpec(args.map, args.combine, args.reduce)
    if args.job in BUILT_IN:
        from telemetry_server.composition.jobs import built_in_job

        return built_in_job(args.job, settings_of(args))
    path = Path(args.job)
    if path.name == args.job and not path.suffix and not path.exists():
        raise UnreadableFile(f"{args.job}: no such file, and no built-in job: {', '.join(BUILT_IN)}")
    return PythonSpec(read_job(path))


def _opened(path: Path) -> "OpenOutput":
    """
    Return what opens the output.

    Raises:
        UnusableFolder: It cannot be written.
    """
    from telemetry_server.mapreduce.output_file import check_writable, standard_output, whole_output

    if path == STDOUT:
        return partial(standard_output, sys.stdout)
    check_writable(path)
    return partial(whole_output, path)
