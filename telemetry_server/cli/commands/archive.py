"""``telemetry-server archive``: closed days in a folder or bucket elsewhere."""

import argparse
from typing import TYPE_CHECKING

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table, print_text, progress, say

if TYPE_CHECKING:
    from telemetry_server.settings.settings import Settings

EPILOG = """\
examples:
  telemetry-server archive run --data ./data
  telemetry-server archive status --json
  telemetry-server archive restore --date 20261121

The setting archive_to names the folder or bucket.  `serve` runs it by itself.
Each action has its own --help."""

ACTIONS = (
    (
        "run",
        "copy closed days that are not in the archive yet, or have changed since",
        "A day is closed when it is over (UTC) and converted.  With archive_keep_local = false the local\n"
        "copies go afterwards.  With --date a day that was restored is dropped again, too.\n\n"
        "exit status: 1 where a day was left, 5 where the archive does not answer or is full",
    ),
    ("status", "list the days, and how much of each is in the archive", "It does not ask the archive."),
    (
        "check",
        "read every object of the archive and compare it with its checksum",
        "exit status: 1 where one is gone or damaged",
    ),
    (
        "restore",
        "bring local copies back from the archive",
        "The days stay in the archive.  `serve` does not drop a day again that was restored.",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions and options of ``archive``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="run|status|check|restore")
    for name, summary, epilog in ACTIONS:
        action = actions.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"{epilog}\n\nexample: telemetry-server archive {name} --date 20261121",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        action.add_argument("--date", type=day_of, metavar="YYYYMMDD", help="only this day of arrival (UTC)")
        add_json_option(action)
        add_settings_options(action)


def run(args: argparse.Namespace) -> int:
    """Do what the action says."""
    from telemetry_server.archive.run import ArchiveBusy

    settings = settings_of(args)
    actions = {"run": _run, "status": _status, "check": _check, "restore": _restore}
    try:
        return actions[args.action](args, settings)
    except ArchiveBusy as busy:
        say(f"telemetry-server archive: {busy}")
        return ExitStatus.TRY_AGAIN


def _run(args: argparse.Namespace, settings: "Settings") -> int:
    from datetime import UTC, datetime

    from storage.disk import Disk
    from telemetry_server.archive.run import archive_days
    from telemetry_server.composition.archive import archive_plan_of
    from telemetry_server.composition.data_root import writable_data_root

    plan = archive_plan_of(settings)
    if args.date is not None and args.date >= f"{datetime.now(UTC):%Y%m%d}":
        say(f"telemetry-server archive: {args.date} is not over yet (UTC); only past days are archived")
        return ExitStatus.USAGE
    root = writable_data_root(settings)
    days = None if args.date is None else [args.date]
    results = []
    with progress("copying", unit="bytes") as bar:
        for result in archive_days(root, Disk(), plan, days, on_bytes=bar.advance):
            results.append(result)
    if args.json:
        names = ("day", "files", "bytes", "dropped", "problem")
        print_json([{name: getattr(result, name) for name in names} for result in results])
    elif results:
        rows = [(r.day, r.files, r.bytes, r.dropped) for r in results]
        print_table(("day", "files copied", "bytes", "local copies removed"), rows)
    else:
        print_text("nothing to archive")
    problems = [result.problem for result in results if result.problem]
    for problem in problems:
        say(f"  left as it is: {problem}")
    return ExitStatus.FINDINGS if problems else ExitStatus.DONE


def _status(args: argparse.Namespace, settings: "Settings") -> int:
    from storage.ledger.ledger import Ledger
    from telemetry_server.archive.closed_days import day_states
    from telemetry_server.composition.data_root import existing_data_root

    with Ledger.for_reading(existing_data_root(settings)) as ledger:
        archive = ledger.archive()
        states = [state for state in day_states(ledger) if args.date in (None, state.day)]
    rows = [(s.day, s.files, s.archived, s.local.value if s.local else "", s.removed) for s in states]
    if args.json:
        names = ("day", "files", "archived", "local", "to_delete")
        print_json(
            {
                "url": archive.url if archive else None,
                "commits": archive.commits if archive else 0,
                "days": [dict(zip(names, row, strict=True)) for row in rows],
            }
        )
        return ExitStatus.DONE
    print_text(f"archive: {archive.url}, {archive.commits} commits" if archive else "no archive yet")
    print_table(("day", "files", "archived", "local copies", "objects to delete"), rows)
    return ExitStatus.DONE


def _check(args: argparse.Namespace, settings: "Settings") -> int:
    from storage.ledger.ledger import Ledger
    from telemetry_server.archive.checking import damaged_objects
    from telemetry_server.composition.data_root import existing_data_root

    with Ledger.for_reading(existing_data_root(settings)) as ledger, progress("reading", unit="bytes") as bar:
        objects = ledger.archived_objects(args.date)
        bar.total(sum(found.length for found in objects.values()))
        findings = list(damaged_objects(ledger, args.date, bar.advance))
    if args.json:
        print_json({"objects": len(objects), "findings": findings})
    else:
        print_text(f"{len(objects):,} objects, {len(findings):,} damaged or gone")
        for finding in findings:
            say(f"  {finding}")
    return ExitStatus.FINDINGS if findings else ExitStatus.DONE


def _restore(args: argparse.Namespace, settings: "Settings") -> int:
    from storage.disk import Disk
    from storage.ledger.opening import open_ledger
    from telemetry_server.archive.local_copies import LocalFiles
    from telemetry_server.archive.run import archive_lock
    from telemetry_server.composition.data_root import writable_data_root

    root, disk = writable_data_root(settings), Disk()
    restored = []
    with archive_lock(root), open_ledger(root, disk) as ledger, progress("restoring", unit="bytes") as bar:
        days = [day for day in ledger.archived_days() if args.date in (None, day)]
        local = LocalFiles(root, ledger, disk, bar.advance)
        local.remove_unfinished()
        for day in days:
            restored.append({"day": day, "files": local.restore(day)})
    if args.date is not None and not days:
        say(f"telemetry-server archive: {args.date} is not in the archive; archive status lists the days")
        return ExitStatus.FINDINGS
    if args.json:
        print_json(restored)
    else:
        print_table(("day", "files brought back"), [(each["day"], each["files"]) for each in restored])
    return ExitStatus.DONE
