"""``doctor``: finds problems and prints a fix for each."""

import argparse
import logging
from dataclasses import asdict

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_text

EPILOG = """\
example: telemetry-server doctor --data ./data

exit status: 0 if all checks pass, 1 if there are findings
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``doctor``."""
    add_settings_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print a line for each check, with a fix if something is wrong; 1 in that case."""
    from telemetry_server.diagnostics.doctor import examine

    # What these modules log is in the findings; without a handler Python would print it as well.
    logging.getLogger("histogram_specs").addHandler(logging.NullHandler())
    findings = list(examine(settings_of(args)))
    healthy = all(finding.ok for finding in findings)
    if args.json:
        print_json({"healthy": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            mark = "skip" if finding.skipped else "ok  " if finding.ok else "BAD "
            fix = f"; fix: {finding.fix}" if finding.fix else ""
            print_text(f"{mark} {finding.check:<12} {finding.detail}{fix}")
    return ExitStatus.DONE if healthy else ExitStatus.FINDINGS
