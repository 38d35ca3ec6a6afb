"""``telemetry-server retention``: shows what is older than its retention, or removes it."""

import argparse
import asyncio
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.module_imports import importing
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_table, print_text, say

if TYPE_CHECKING:
    from telemetry_server.privacy.retention.plan import PlanItem
    from telemetry_server.privacy.retention.run import RetentionResult

EPILOG = """\
examples:
  telemetry-server retention plan --data ./data
  telemetry-server retention run --data ./data

Age counts from the end of the day of arrival (UTC).  Records are removed after record_retention_days,
quarantine after quarantine_retention_days, raw submissions after raw_retention_days, contacts of Fuel after
90 days.  What is removed counts as deleted; aggregates stay.  `serve` does the same every hour.

exit status: 1 if something had to stay"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``retention``."""
    parser.add_argument(
        "what", choices=["plan", "run"], metavar="plan|run", help="show what would be removed, or remove it"
    )
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table of the plan, or of what was removed."""
    settings, now = settings_of(args), datetime.now(UTC)
    if args.what == "plan":
        _print(args, settings, now, _plan(settings, now), [])
        return ExitStatus.DONE
    result = _run(settings, now)
    _print(args, settings, now, result.removed, result.findings)
    return ExitStatus.FINDINGS if result.findings else ExitStatus.DONE


def _plan(settings: Settings, now: datetime) -> "list[PlanItem]":
    from storage.ledger.ledger import Ledger
    from telemetry_server.composition.data_root import existing_data_root
    from telemetry_server.composition.retention import old_contacts, retention_days
    from telemetry_server.privacy.retention.plan import retention_plan

    root = existing_data_root(settings)
    with Ledger.for_reading(root) as ledger:
        items = retention_plan(root, ledger, retention_days(settings), now)
    return [*items, *_contacts(old_contacts(settings, now, removes=False))]


def _run(settings: Settings, now: datetime) -> "RetentionResult":
    with importing():
        from telemetry_server.composition.conversion import opened_converter
        from telemetry_server.composition.data_root import writable_data_root
        from telemetry_server.composition.retention import old_contacts, record_retention, retention_days
        from telemetry_server.privacy.retention.run import run_retention

    writable_data_root(settings)

    async def remove() -> "RetentionResult":
        async with opened_converter(settings) as converter:
            await converter.finish_tables()
            return await run_retention(converter, retention_days(settings), record_retention(settings), now)

    # What is logged is talk, and stdout is for the result.
    with redirect_stdout(sys.stderr):
        result = asyncio.run(remove())
    result.removed += _contacts(old_contacts(settings, now, removes=True))
    return result


def _contacts(count: int) -> "list[PlanItem]":
    from telemetry_server.privacy.retention.plan import CONTACTS, PlanItem

    return [PlanItem(CONTACTS, None, None, count, 0, 0)] if count else []


def _print(
    args: argparse.Namespace,
    settings: Settings,
    now: datetime,
    items: "list[PlanItem]",
    findings: list[str],
) -> None:
    from telemetry_server.fuel.database.contact_age import KEPT_CONTACT_DAYS

    for finding in findings:
        say(f"telemetry-server retention: {finding}")
    if args.json:
        kept = {
            "records": settings.record_retention_days,
            "quarantine": settings.quarantine_retention_days,
            "raw": settings.raw_retention_days,
            "contacts": KEPT_CONTACT_DAYS,
        }
        print_json(
            {
                "now": f"{now:%Y-%m-%dT%H:%M:%SZ}",
                "kept_days": kept,
                "items": [item.as_json() for item in items],
                "findings": findings,
            }
        )
    elif items:
        columns = ("store", "day", "reason", "count", "files", "bytes")
        print_table(columns, [[_shown(getattr(item, name)) for name in columns] for item in items])
    else:
        print_text("nothing is older than its retention")


def _shown(value: object) -> object:
    return "-" if value is None else value
