"""``telemetry-server fuel``: looks after the databases of Fuel-stat, and prints reports."""

import argparse
from pathlib import Path

from telemetry_server.cli.commands import fuel_analytics
from telemetry_server.cli.commands.fuel_messages import (
    add_failure_actions,
    list_messages,
    remove_contacts,
)
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.number_arguments import natural
from telemetry_server.cli.output_arguments import only_on_disk
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_table, print_text, say

EPILOG = """\
examples:
  telemetry-server fuel migrate --check
  telemetry-server fuel failed --json
  telemetry-server fuel backup fuel.backup
  telemetry-server fuel restore fuel.backup
  telemetry-server fuel partitions
  telemetry-server fuel etl
  telemetry-server fuel report deployment-time --from 2026-11-01 --json
  telemetry-server fuel report distribution --of hypervisor
  telemetry-server fuel messages --retry

docs/fuel.md describes the collector.

exit status: 1 if the schema is not up to date (migrate --check), 2 if the report does not exist, 4 if a file
is not a backup, 5 if a database is away or the ETL could not load everything"""
DATABASES = ("collector", "analytics")
MAX_LISTED = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    migrating = actions.add_parser("migrate", help="bring the schema of the database up to date")
    migrating.add_argument("--check", action="store_true", help="change nothing; 1 if it is not up to date")
    backup = actions.add_parser("backup", help="write the database to one file, while the server runs")
    needs_file = only_on_disk("the database is copied into a file; name one")
    backup.add_argument("file", type=needs_file, metavar="FILE", help="must not exist")
    backup.add_argument("--database", choices=DATABASES, default="collector", help="which one")
    restoring = actions.add_parser("restore", help="replace the content of the database with a backup")
    restoring.add_argument("file", type=Path, metavar="FILE")
    actions.add_parser("partitions", help="list what arrived in each month, with its size")
    failed = actions.add_parser("failed", help="list items that were refused, with the reason")
    failed.add_argument(
        "--limit", type=natural, default=MAX_LISTED, metavar="N", help=f"newest only (default: {MAX_LISTED})"
    )
    failed.add_argument("--items", action="store_true", help="with --json: also the refused items themselves")
    fuel_analytics.add_actions(actions)
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
        "etl": fuel_analytics.etl,
        "report": fuel_analytics.report,
        "messages": list_messages,
        "remove-contacts": remove_contacts,
    }
    return actions[args.action](args, settings_of(args))


def _migrate(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.composition.fuel_analytics import schemas_of
    from telemetry_server.fuel.database.migrating import current_version, migrate

    is_new = True
    found = []
    for schema, url in schemas_of(settings):
        before = current_version(url, schema) if args.check else migrate(url, schema=schema)[0]
        after = before if args.check else schema.head
        found.append({"database": schema.name, "before": before, "after": after, "newest": schema.head})
        is_new = is_new and after == schema.head
    if args.json:
        print_json({**found[0], "databases": found})
        return ExitStatus.DONE if is_new else ExitStatus.FINDINGS
    for entry in found:
        before, newest = entry["before"] or "missing", entry["newest"]
        if args.check:
            print_text(f"the schema of the {entry['database']} is {before}; the newest is {newest}")
        else:
            was = "" if before == newest else f"; it was {before}"
            print_text(f"the schema of the {entry['database']} is {newest}{was}")
    return ExitStatus.DONE if is_new else ExitStatus.FINDINGS


def _backup(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.composition.fuel import MAKES_COLLECTOR, backup_url, need_file
    from telemetry_server.composition.fuel_analytics import analytics_url, need_analytics
    from telemetry_server.fuel.database.backup import back_up

    if args.database == "analytics":
        need_analytics(settings)
        url, source = analytics_url(settings), "analytics"
    else:
        url, source = backup_url(settings, say)
        need_file(url, MAKES_COLLECTOR)
    size = back_up(url, args.file)
    if args.json:
        print_json({"file": str(args.file), "bytes": size, "database": args.database, "from": source})
    else:
        print_text(f"{args.file}: {size:,} bytes, from the {source} database")
    return ExitStatus.DONE


def _restore(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.composition.fuel_analytics import schemas_of
    from telemetry_server.fuel.database.backup import restore
    from telemetry_server.fuel.database.migrating import migrate

    schema, url = restore(args.file, schemas_of(settings))
    before, after = migrate(url, schema=schema)
    if args.json:
        print_json({"file": str(args.file), "database": schema.name, "schema": after})
    else:
        moved = "" if before == after else f"; its schema was brought from {before} to {after}"
        print_text(f"restored the {schema.name} database from {args.file}{moved}")
    return ExitStatus.DONE


def _partitions(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.composition.fuel import opened_collector
    from telemetry_server.fuel.database.partitions import partitions

    with opened_collector(settings) as database:
        found = database.read(partitions)
    if args.json:
        print_json([{"table": p.table, "month": p.month, "rows": p.rows, "bytes": p.bytes} for p in found])
    else:
        rows = [(p.table, p.month, p.rows, "-" if p.bytes is None else p.bytes) for p in found]
        print_table(("table", "month", "rows", "bytes"), rows)
    return ExitStatus.DONE


def _failed(args: argparse.Namespace, settings: Settings) -> int:
    from telemetry_server.composition.fuel import opened_collector
    from telemetry_server.fuel.database.refused_items import list_refused

    with opened_collector(settings) as database:
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
