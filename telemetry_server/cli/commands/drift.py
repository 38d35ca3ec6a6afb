"""``telemetry-server drift``: compares the definitions of probes with what is sent."""

import argparse

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.client_text import shown
from telemetry_server.terminal.output import print_json, print_table, print_text

EPILOG = """\
example: telemetry-server drift --data ./data --json

States: silent (defined and not sent), undeclared (sent and not defined), expired (sent
although it expired) and broken (sent against its definition)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``drift``."""
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    from storage.ledger.ledger import Ledger
    from telemetry_server.composition.conversion import setup_of
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.inspection.probe_reports import report_on_drift

    settings = settings_of(args)
    existing_data_root(settings)
    setup = setup_of(settings)
    with Ledger.for_reading(setup.root) as ledger:
        report = report_on_drift(
            setup.root, ledger, setup.probe_checks(), suppress_below=settings.suppress_below
        )
    if args.json:
        print_json(report)
        return ExitStatus.DONE
    rows = [
        (
            row["state"],
            shown(row["metric"]),
            row["kind"],
            row["pings_per_day"],
            shown(", ".join(row["owners"])) or "-",
        )
        for row in report["drift"]
    ]
    print_table(("state", "metric", "kind", "pings a day", "owners"), rows)
    print_text(f"{len(rows):,} probes, from the pings of {report['days']} days")
    return ExitStatus.DONE
