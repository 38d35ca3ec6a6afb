"""``telemetry-server specs try``: what a new definition file would drop or mark of stored pings."""

import argparse
from pathlib import Path
from typing import Any

from telemetry_server.cli.commands.probe_views import kind_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.composition.conversion import setup_of
from telemetry_server.composition.data_root import existing_data_root
from telemetry_server.inspection.spec_trial import trial_context, try_definitions
from telemetry_server.probes.entries import entries_of_file
from telemetry_server.probes.fields import Mode
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.client_text import shown
from telemetry_server.terminal.output import print_json, print_table, print_text, say


def run_trial(args: argparse.Namespace, settings: Settings) -> int:
    """Print what the file would change; 1 if it would drop or mark more than today."""
    existing_data_root(settings)
    path, kind = Path(args.file), kind_of(args, args.file)
    setup = setup_of(settings)
    problems = entries_of_file(path, kind, Mode.HISTORICAL).problems
    for problem in problems:
        say(f"telemetry-server specs try: {problem}")
    found = try_definitions(setup.root, setup.context(), trial_context(path, kind, setup), args.date)
    if args.json:
        print_json({**found, "problems": list(problems)})
    else:
        _print(found)
    return ExitStatus.FINDINGS if found["metrics"] else ExitStatus.DONE


def _print(found: dict[str, Any]) -> None:
    if found["metrics"]:
        rows = [(shown(row["metric"]), row["reason"], row["pings"]) for row in found["metrics"]]
        print_table(("metric", "dropped or marked as", "pings more than today"), rows)
    print_text(f"{found['pings']:,} pings, {found['stored']:,} stored, {found['today']['stored']:,} today")
