"""``telemetry-server audit``: recounts the files on disk and compares them with the ledger."""

import argparse
from typing import Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table, print_text, progress, say

EPILOG = (
    "example: telemetry-server audit --data ./data\n\n"
    "The books balance if received = stored + duplicate + quarantined + pending + deleted on every day, and\n"
    "the files on disk contain what the ledger counts.  Conflicts are duplicates with other content.\n\n"
    "exit status: 0 if the books balance, 1 if there are findings"
)
COLUMNS = ("received", "stored", "duplicate", "conflict", "quarantined", "pending", "deleted")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``audit``."""
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the counts by day; 1 if there are findings."""
    from storage.errors import UnfitLedger
    from storage.integrity.audit import audit
    from storage.ledger.ledger import Ledger
    from storage.ledger.opening import unfitness
    from storage.raw.segment_paths import segments
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.composition.fuel_counts import fuel_counts

    settings = settings_of(args)
    root = existing_data_root(settings)
    fuel = fuel_counts(settings)
    unfit = unfitness(root)
    try:
        opened = Ledger.for_reading(root)
    except UnfitLedger:
        opened = Ledger.empty(root.ledger)
    with opened as ledger, progress("counting", unit="files") as bar:
        bar.total(len(ledger.files()) + sum(1 for _ in segments(root.raw)))
        result = audit(root, ledger, on_file=bar.advance)
    if unfit is not None:
        result.findings.insert(0, str(unfit))
    if args.json:
        print_json(
            {
                "balanced": result.balanced,
                "total": _counts(result.total),
                "days": {day: _counts(books) for day, books in result.days.items()},
                "damaged": {"records": result.damaged_records, "bytes": result.damaged_bytes},
                "notes": dict(sorted(result.notes.items())),
                "findings": result.findings,
                "fuel": fuel,
            }
        )
    else:
        rows = [[day, *_counts(books).values()] for day, books in result.days.items()]
        print_table(("day", *COLUMNS), [*rows, ["total", *_counts(result.total).values()]])
        if result.damaged_records:
            print_text(f"damaged: {result.damaged_records:,} records, {result.damaged_bytes:,} bytes")
        for note, count in sorted(result.notes.items()):
            print_text(f"{note}: {count:,}")
        for name, value in (fuel or {}).items():
            print_text(f"fuel: {name}: {value}")
        print_text(
            "the books balance: files and ledger agree" if result.balanced else "the books do NOT balance:"
        )
        for finding in result.findings:
            say(f"  {finding}")
    return ExitStatus.DONE if result.balanced else ExitStatus.FINDINGS


def _counts(books: Any) -> dict[str, int]:
    return {name: getattr(books, name) for name in COLUMNS}
