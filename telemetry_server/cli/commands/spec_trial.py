"""``telemetry-server specs try``: what a new definition file would drop or mark of stored pings."""

import argparse
from pathlib import Path
from typing import Any

from histogram_specs.definition_files import DEPRECATED_OPERATIONS, EVENTS, SCALARS, USE_COUNTERS
from histogram_specs.errors import SpecError
from histogram_specs.spec_file import parse_spec_file
from telemetry_server.cli.commands.probe_views import kind_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.composition.conversion import setup_of
from telemetry_server.composition.data_root import existing_data_root
from telemetry_server.inspection.spec_trial import TrialResolver, try_definitions
from telemetry_server.probes.definition import FileKind
from telemetry_server.probes.entries import entries_of_file, text_of
from telemetry_server.probes.fields import Mode
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.client_text import shown
from telemetry_server.terminal.output import print_json, print_table, print_text, say

_FILE_OF_KIND = {FileKind.SCALAR: SCALARS, FileKind.EVENT: EVENTS}


def run_trial(args: argparse.Namespace, settings: Settings) -> int:
    """Print what the file would change; 1 if it would drop or mark more than today."""
    existing_data_root(settings)
    path, kind = Path(args.file), kind_of(args, args.file)
    if kind is FileKind.GLEAN:
        say("telemetry-server specs try: Glean pings are not held against their definitions")
        return ExitStatus.USAGE
    setup = setup_of(settings)
    problems = entries_of_file(path, kind, Mode.HISTORICAL).problems
    for problem in problems:
        say(f"telemetry-server specs try: {problem}")
    histograms, companions = None, {}
    if kind is FileKind.HISTOGRAM:
        try:
            histograms = parse_spec_file(text_of(path), dict(setup.constants))
        except SpecError as error:
            raise SpecError(f"{path} is not a spec file: {error}") from error
    elif kind is FileKind.USE_COUNTER:
        name = DEPRECATED_OPERATIONS if path.name.endswith(".h") else USE_COUNTERS
        companions = {name: text_of(path)}
    else:
        companions = {_FILE_OF_KIND[kind]: text_of(path)}
    context = setup.context()
    trial = TrialResolver(setup.resolver(), histograms, companions)
    found = try_definitions(setup.root, context, trial, args.date)
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
