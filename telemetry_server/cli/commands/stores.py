"""``telemetry-server stores``: reports on each store of pings."""

import argparse
from typing import Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.client_text import shown
from telemetry_server.terminal.output import print_json, print_table, print_text

EPILOG = """\
example: telemetry-server stores --data ./data

The setting stores_file names the file that assigns doctypes to stores.
A metric that several stores hold is shown side by side, never summed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``stores``."""
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    from storage.ledger.ledger import Ledger
    from telemetry_server.composition.conversion import setup_of
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.inspection.probe_reports import report_on_stores

    settings = settings_of(args)
    existing_data_root(settings)
    setup = setup_of(settings)
    with Ledger.for_reading(setup.root) as ledger:
        report = report_on_stores(
            setup.root, ledger, setup.probe_checks(), suppress_below=settings.suppress_below
        )
    if args.json:
        print_json(report)
    else:
        _print(report)
    return ExitStatus.DONE


def _print(report: dict[str, Any]) -> None:
    rows = [
        (
            store["store"],
            store["pings"],
            store["metrics_defined"],
            store["metrics_seen"],
            ", ".join(f"{name} {count}" for name, count in store["anomalies"].items()) or "-",
        )
        for store in report["stores"]
    ]
    print_table(("store", "pings", "metrics defined", "seen", "marks"), rows)
    if report["shared"]:
        print_text("")
        stores = [store["store"] for store in report["stores"]]
        shared = [
            (shown(row["metric"]), *(row["by_store"].get(store, "-") for store in stores))
            for row in report["shared"]
        ]
        print_table(("pings with a shared metric", *stores), shared)
