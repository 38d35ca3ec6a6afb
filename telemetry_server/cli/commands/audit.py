"""``telemetry-server audit``: do the books balance, and does the disk agree?"""

import argparse
from typing import Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table, print_text, progress, say

EPILOG = (
    "example: telemetry-server audit --data ./data\n\nexit status: 0 if all balances, 1 if anything does not"
)
COLUMNS = ("received", "stored", "duplicate", "conflict", "quarantined", "pending", "deleted")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the books by day; 1 if anything does not balance."""
    from storage.errors import UnfitLedger
    from storage.integrity.audit import audit
    from storage.ledger.ledger import Ledger
    from storage.ledger.opening import unfitness
    from storage.raw.segment_paths import segments
    from telemetry_server.composition.data_root import existing_data_root

    root = existing_data_root(settings_of(args))
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
            }
        )
    else:
        rows = [[day, *_counts(books).values()] for day, books in result.days.items()]
        print_table(("day", *COLUMNS), [*rows, ["total", *_counts(result.total).values()]])
        if result.damaged_records:
            print_text(f"damaged: {result.damaged_records} records, {result.damaged_bytes} bytes")
        for note, count in sorted(result.notes.items()):
            print_text(f"noted: {note} {count}")
        print_text("the books balance" if result.balanced else "the books do NOT balance:")
        for finding in result.findings:
            say(f"  {finding}")
    return ExitStatus.DONE if result.balanced else ExitStatus.FINDINGS


def _counts(books: Any) -> dict[str, int]:
    return {name: getattr(books, name) for name in COLUMNS}
