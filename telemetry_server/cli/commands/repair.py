"""``telemetry-server repair``: rebuilds the ledger from the files, and moves unknown files aside."""

import argparse
from typing import TYPE_CHECKING, Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, progress, say

if TYPE_CHECKING:
    from telemetry_server.repair.repair import Repaired

EPILOG = """\
examples:
  telemetry-server repair --data ./data --dry-run
  telemetry-server repair --data ./data

The ledger is rebuilt from the files and raw/ if it is missing, older than the files, of another data
root or of another version, or if files that it refers to are missing.  Files that are not in the ledger
are moved to state/stray/, and so is the old ledger.  Nothing is deleted.  An interrupted repair is finished
by the next one.  The server may run meanwhile.  Records that are only in the archive are read there."""
MAX_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``repair``."""
    parser.add_argument("--dry-run", action="store_true", help="show what would be done; change nothing")
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="rebuild the ledger even if it seems right, for example after files were changed by hand",
    )
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Repair the data root, and print what was done; with --dry-run, what would be done."""
    from storage.data_root import DataRoot
    from storage.disk import Disk
    from telemetry_server.composition.conversion import setup_of
    from telemetry_server.composition.data_root import existing_data_root, writable_data_root
    from telemetry_server.repair.repair import Repairer

    settings = settings_of(args)
    root: DataRoot = (existing_data_root if args.dry_run else writable_data_root)(settings)
    schema_text = setup_of(settings).schema_text
    with progress("reading", unit="files") as bar:
        repairer = Repairer(
            root,
            Disk(),
            schema_text,
            rebuild=args.rebuild,
            archive_url=settings.archive_to,
            on_file=bar.advance,
        )
        result = repairer.examine() if args.dry_run else repairer.repair()
    if args.json:
        print_json(_as_json(result, dry_run=args.dry_run))
    else:
        _print(result, dry_run=args.dry_run)
    return ExitStatus.DONE


def _as_json(result: "Repaired", *, dry_run: bool) -> dict[str, Any]:
    rebuilt = result.rebuilt
    return {
        "dry_run": dry_run,
        "ledger": "current" if result.unfit is None else "unfit",
        "reason": result.unfit,
        "strays": result.strays,
        "damaged": result.damaged,
        "moved_to": result.moved_to,
        "rebuilt": None
        if rebuilt is None
        else {
            "files": rebuilt.files,
            "stored": rebuilt.stored,
            "quarantined": rebuilt.quarantined,
            "conflict": rebuilt.conflicts,
            "to_judge": rebuilt.unjudged,
        },
    }


def _print(result: "Repaired", *, dry_run: bool) -> None:
    if result.is_well:
        print("nothing to repair: the ledger matches the files of the data root")
        return
    if result.unfit is not None:
        print(f"the ledger {'would be' if dry_run else 'was'} rebuilt: {result.unfit}")
    if result.rebuilt is not None:
        rebuilt = result.rebuilt
        print(
            f"it contains {rebuilt.files:,} files: {rebuilt.stored:,} stored,"
            f" {rebuilt.quarantined:,} quarantined,"
            f" {rebuilt.conflicts:,} conflicts;"
            f" the next conversion converts {rebuilt.unjudged:,} submissions again"
        )
    for line in result.damaged:
        say(f"  damaged: {line}")
    if result.strays:
        where = result.moved_to or "state/stray/"
        print(f"{len(result.strays):,} files {'would be' if dry_run else 'were'} moved to {where}:")
        for path in result.strays[:MAX_SHOWN]:
            print(f"  {path}")
        if len(result.strays) > MAX_SHOWN:
            print(f"  and {len(result.strays) - MAX_SHOWN:,} more (all with --json)")
    elif result.moved_to:
        print(f"the old ledger is in {result.moved_to}/state")
    if not dry_run:
        print("next: run telemetry-server convert, then telemetry-server audit")
