"""``telemetry-server fuel``: looks after the database of the Fuel-stat collector."""

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry_server.cli.commands.fuel_messages import (
    add_failure_actions,
    list_messages,
    remove_contacts,
)
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.number_arguments import natural
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_table, print_text, say

if TYPE_CHECKING:
    from telemetry_server.fuel.database.collector_database import CollectorDatabase

EPILOG = """\
examples:
  telemetry-server fuel migrate --check
  telemetry-server fuel failed --json
  telemetry-server fuel backup fuel.backup
  telemetry-server fuel restore fuel.backup
  telemetry-server fuel partitions
  telemetry-server fuel messages --retry

docs/fuel.md describes the collector.

exit status: 1 if the schema is not up to date (migrate --check), 4 if a file is not a backup, 5 if the
database is away"""
DATABASES = ("collector",)
MAX_LISTED = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    migrating = actions.add_parser("migrate", help="bring the schema of the database up to date")
    migrating.add_argument("--check", action="store_true", help="change nothing; 1 if it is not up to date")
    backup = actions.add_parser("backup", help="write the database to one file, while the server runs")
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.add_argument("--database", choices=DATABASES, default="collector", help="which one")
    restoring = actions.add_parser("restore", help="replace the content of the database with a backup")
    restoring.add_argument("file", type=Path, metavar="FILE")
    actions.add_parser("partitions", help="list what arrived in each month, with its size")
    failed = actions.add_parser("failed", help="list items that were refused, with the reason")
    failed.add_argument(
        "--limit", type=natural, default=MAX_LISTED, metavar="N", help=f"newest only (default: {MAX_LISTED})"
    )
    failed.add_argument("--items", action="store_true", help="with --json: also the refused items themselves")
    add_failure_actions(actions)
    for action in actions.choices.values():
        add_json_option(action)
        add_settings_options(action)


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    from telemetry_server.composition.fuel import need_the_extra

    need_the_extra()
    actions = {
        "migrate": _migrate,
        "backup": _backup,
        "restore": _restore,
        "partitions": _partitions,
        "failed": _failed,
        "messages": list_messages,
        "remove-contacts": remove_contacts,
    }
    return actions[args.action](args, settings_of(args))


def _database(settings: Settings) -> "closing[CollectorDatabase]":
    from telemetry_server.composition.fuel import collector_url
    from telemetry_server.fuel.database.collector_database import CollectorDatabase

    return closing(CollectorDatabase(collector_url(settings), connections=1))


def _migrate(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.composition.fuel import collector_url
    from telemetry_server.fuel.database.collector_database import HEAD
    from telemetry_server.fuel.database.migrating import current_version, migrate

    url = collector_url(settings)
    before = current_version(url) if args.check else migrate(url)[0]
    after = before if args.check else HEAD
    if args.json:
        print_json({"before": before, "after": after, "newest": HEAD})
    elif args.check:
        print_text(f"the schema is {before or 'missing'}; the newest is {HEAD}")
    else:
        print_text(f"the schema is {HEAD}" + ("" if before == HEAD else f"; it was {before or 'missing'}"))
    return ExitStatus.DONE if after == HEAD else ExitStatus.FINDINGS


def _backup(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.composition.fuel import backup_url
    from telemetry_server.fuel.database.backup import back_up

    url, source = backup_url(settings, say)
    size = back_up(url, args.file)
    if args.json:
        print_json({"file": str(args.file), "bytes": size, "database": args.database, "from": source})
    else:
        print_text(f"{args.file}: {size:,} bytes, from the {source} database")
    return ExitStatus.DONE


def _restore(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.composition.fuel import collector_url
    from telemetry_server.fuel.database.backup import restore
    from telemetry_server.fuel.database.migrating import migrate

    url = collector_url(settings)
    restore(url, args.file)
    before, after = migrate(url)
    if args.json:
        print_json({"file": str(args.file), "database": "collector", "schema": after})
    else:
        moved = "" if before == after else f"; its schema was brought from {before} to {after}"
        print_text(f"restored the collector database from {args.file}{moved}")
    return ExitStatus.DONE


def _partitions(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.fuel.database.partitions import partitions

    with _database(settings) as database:
        found = database.read(partitions)
    if args.json:
        print_json([{"table": p.table, "month": p.month, "rows": p.rows, "bytes": p.bytes} for p in found])
    else:
        rows = [(p.table, p.month, p.rows, "-" if p.bytes is None else p.bytes) for p in found]
        print_table(("table", "month", "rows", "bytes"), rows)
    return ExitStatus.DONE


def _failed(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.fuel.database.refused_items import list_refused

    with _database(settings) as database:
        found = database.read(lambda connection: list_refused(connection, args.limit))
    rows = [
        {
            "received_at": entry.received_at.isoformat(),
            "doctype": entry.doctype,
            "master_node_uid": entry.key[0],
            "external_id": entry.key[-1] if len(entry.key) > 1 else None,
            "reason": entry.reason,
            "last_received_at": entry.last_received_at.isoformat(),
            "times": entry.times,
            **({"item": entry.item} if args.items else {}),
        }
        for entry in found
    ]
    if args.json:
        print_json(rows)
    else:
        names = ("received_at", "doctype", "master_node_uid", "external_id", "times", "reason")
        print_table(names, [[_cell(row[name]) for name in names] for row in rows])
    return ExitStatus.DONE


def _cell(value: object) -> object:
    return "-" if value is None else value
