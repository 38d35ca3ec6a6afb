"""``telemetry-server audit``: recounts the files on disk and compares them with the ledger."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table, print_text, progress, say

if TYPE_CHECKING:
    from storage.integrity.audit import Audit

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
    from storage.integrity.amount import amount_to_read
    from storage.integrity.audit import audit
    from storage.ledger.ledger import Ledger
    from storage.ledger.opening import unfitness
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.composition.fuel_counts import fuel_counts
    from telemetry_server.inspection.counting import CountingFailed, counting
    from telemetry_server.settings.value_types import usable_cores

    settings = settings_of(args)
    root = existing_data_root(settings)
    fuel = fuel_counts(settings)
    unfit = unfitness(root)
    try:
        opened = Ledger.for_reading(root)
    except UnfitLedger:
        opened = Ledger.empty(root.ledger)
    with opened as ledger:
        amount = amount_to_read(root, ledger)
        try:
            # The processes before the progress bar, which has a thread.
            with (
                counting(amount, usable_cores()) as count_all,
                progress("counting", amount.files, "files") as bar,
            ):
                result = audit(root, ledger, count_all=count_all, on_file=bar.advance)
        except CountingFailed as error:
            say(f"telemetry-server audit: {error}")
            return ExitStatus.TRY_AGAIN
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
        _print(result, fuel)
    return ExitStatus.DONE if result.balanced else ExitStatus.FINDINGS


def _print(result: "Audit", fuel: Mapping[str, object] | None) -> None:
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


def _counts(books: Any) -> dict[str, int]:
    return {name: getattr(books, name) for name in COLUMNS}
