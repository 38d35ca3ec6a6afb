"""``telemetry-server export``: files for the dashboards of the original server."""

import argparse
import tempfile
from functools import partial
from pathlib import Path

from telemetry_server.cli.commands.job_runs import (
    add_run_options,
    mappers_of,
    reported,
    say_report,
    say_totals,
)
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.module_imports import importing
from telemetry_server.cli.output_arguments import output_folder
from telemetry_server.cli.shared_options import add_json_option, settings_of
from telemetry_server.terminal.output import print_json, progress

EPILOG = """\
examples:
  telemetry-server export dashboard-v1 --output ./dashboard
  telemetry-server export frontend --output ./frontend --filter nightly.json

frontend: what the page of the first frontend loads.  dashboard-v1: what version 1 of telemetry.js loads.
Both hold the histograms of classic pings by channel, version, build date and filter.  Numbers of filters that
an earlier export gave in the same folder are kept."""
JOBS = {"frontend": "frontend", "dashboard-v1": "dashboard"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``export``."""
    parser.add_argument(
        "form", choices=tuple(JOBS), metavar="frontend|dashboard-v1", help="who reads the files"
    )
    parser.add_argument(
        *("-o", "--output"), type=output_folder, metavar="DIR", required=True, help="folder of the files"
    )
    add_run_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Run the job of the form, and write its output as files."""
    return reported("export", lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    with importing():
        from telemetry_server.composition.data_root import existing_data_root
        from telemetry_server.composition.jobs import built_in_job
        from telemetry_server.mapreduce import execute
        from telemetry_server.mapreduce.exports.dashboard_files import write_dashboard
        from telemetry_server.mapreduce.exports.export_folder import ExportFolder
        from telemetry_server.mapreduce.exports.frontend_files import write_frontend
        from telemetry_server.mapreduce.output_file import whole_output
        from telemetry_server.mapreduce.run import RunOptions

    settings = settings_of(args)
    root = existing_data_root(settings)
    wanted = execute.filter_of(root, args.filter)
    job = built_in_job(JOBS[args.form], settings)
    options = RunOptions(mappers_of(args), args.reducers, args.max_bad)
    place = execute.Place(root, args.work or Path(tempfile.gettempdir()), args.cluster)
    write = write_frontend if args.form == "frontend" else write_dashboard
    with ExportFolder(args.output) as folder:
        open_output = partial(whole_output, folder.job_output)
        open_bar = partial(progress, "mapping", unit="bytes")
        report = execute.run_job(job, wanted, place, options, open_output=open_output, open_bar=open_bar)
        with folder.job_output.open("rb") as lines:
            written = write(lines, folder)
    say_report(report)
    if args.json:
        print_json({**report.totals.as_json(), "written": written})
    else:
        say_totals(report.totals)
    return ExitStatus.DONE
