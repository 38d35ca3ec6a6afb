"""The actions ``etl`` and ``report`` of ``telemetry-server fuel``."""

import argparse
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.csv_text import print_csv
from telemetry_server.terminal.output import print_json, print_table, print_text, say


def add_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the actions."""
    loading = actions.add_parser("etl", help="load what has changed into the analytics database")
    loading.add_argument("--rebuild", action="store_true", help="make all facts again")
    report = actions.add_parser("report", help="print one report of the analytics database")
    report.add_argument("name", metavar="NAME", help="os, releases, deployment-time, … (docs/fuel.md)")
    report.add_argument(
        "--from", dest="first", type=_day, metavar="YYYY-MM-DD", help="first day of the end of operations"
    )
    report.add_argument("--to", dest="last", type=_day, metavar="YYYY-MM-DD", help="last day, included")
    report.add_argument("--release", default="", help="only installations with this release of Fuel")
    report.add_argument("--of", default="", metavar="CATEGORY", help="the category of `distribution`")
    report.add_argument("--csv", action="store_true", help="print the result as CSV")


def _day(text: str) -> date:
    from telemetry_server.fuel.exports.window import BadDate, date_named

    try:
        return date_named("day", text)
    except BadDate:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; the format is YYYY-MM-DD") from None


def etl(args: argparse.Namespace, settings: Settings) -> int:
    """Load what has changed; 5 if a table could not be loaded."""
    from telemetry_server.composition.fuel_analytics import opened_etl

    with opened_etl(settings) as etl_of_settings:
        result = etl_of_settings.rebuild() if args.rebuild else etl_of_settings.run()
    if args.json:
        print_json({"moved": result.moved, "failed": result.failed})
    else:
        print_table(("table", "documents"), list(result.moved.items()))
    for table, reason in result.failed.items():
        say(f"telemetry-server fuel: {table} could not be loaded: {reason}")
    return ExitStatus.TRY_AGAIN if result.failed else ExitStatus.DONE


def report(args: argparse.Namespace, settings: Settings) -> int:
    """Print a report; 2 if it does not exist, or the category."""
    from telemetry_server.composition.fuel_analytics import analytics_url, need_analytics
    from telemetry_server.fuel.analytics.analytics_database import AnalyticsDatabase
    from telemetry_server.fuel.reports.flat_rows import flat_rows
    from telemetry_server.fuel.reports.question import BadQuestion, Question
    from telemetry_server.fuel.reports.registry import (
        UnknownReport,
        answer_from,
        checked_question,
        report_named,
    )

    if args.csv and args.json:
        say("telemetry-server fuel report: --csv and --json exclude each other")
        return ExitStatus.USAGE
    try:
        asked = report_named(args.name)
        question = checked_question(
            asked,
            Question(args.first, args.last, args.release, suppress_below=settings.suppress_below, of=args.of),
        )
    except (UnknownReport, BadQuestion) as error:
        say(f"telemetry-server fuel report: {error}")
        return ExitStatus.USAGE
    need_analytics(settings)
    with closing(
        AnalyticsDatabase(
            analytics_url(settings), connections=1, only_reads=True, has_one_view=True, statement_seconds=0
        )
    ) as database:
        found = answer_from(database, asked, question, datetime.now(UTC))
    if args.json:
        print_json(found)
    elif args.csv:
        print_csv(*flat_rows(found))
    else:
        _print(found)
    return ExitStatus.DONE


def _print(found: dict[str, Any]) -> None:
    through = found["data_through"]
    print_text(f"{found['report']}, data as of {through or 'never: run telemetry-server fuel etl'}")
    if found["totals"]:
        print_text("")
        rows = [(name.replace("_", " "), _cell(value)) for name, value in found["totals"].items()]
        print_table(("total", "value"), rows)
    for table, entries in found["tables"].items():
        print_text(f"\n{table.replace('_', ' ')}")
        columns = list(entries[0]) if entries else ["value", "count"]
        print_table(columns, [[_cell(entry[name]) for name in columns] for entry in entries])
    if found["suppressed"]["groups"]:
        print_text(f"\n{found['suppressed']['groups']:,} groups are too small to be shown")


def _cell(value: object) -> object:
    return "-" if value is None else value
