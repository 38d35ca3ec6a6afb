"""``telemetry-server normandy``: uptake of recipes, and enrolments in studies."""

import argparse
from typing import TYPE_CHECKING, Any

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.csv_text import print_csv
from telemetry_server.terminal.output import print_json, print_table, print_text, say
from telemetry_server.terminal.printable import printable

if TYPE_CHECKING:
    import duckdb

REPORTS = {
    "uptake": "how often the runner, actions and recipes succeeded",
    "recipes": "the same of recipes, each with its newest revision",
    "studies": "who entered and left studies, rollouts and experiments, and why",
}
CARRIERS = ("histogram", "event", "glean")
EPILOG = """\
examples:
  telemetry-server normandy uptake --data ./data --from 20261101
  telemetry-server normandy studies --channel release --json

One report may arrive by several carriers, so figures of two carriers are never added.
docs/normandy.md defines every number."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the reports and their options."""
    reports = parser.add_subparsers(dest="report", metavar="REPORT", required=True)
    for name, summary in REPORTS.items():
        report = reports.add_parser(
            name, help=summary, description=f"Print {summary}.", epilog=f"example: {_example(name)}"
        )
        report.add_argument(
            "--from",
            dest="first",
            type=day_of,
            metavar="YYYYMMDD",
            help="first day of arrival (UTC)",
        )
        report.add_argument("--to", dest="last", type=day_of, metavar="YYYYMMDD", help="last day, included")
        report.add_argument("--channel", default="", help="only pings of this channel")
        report.add_argument("--version", default="", help="only pings of this version")
        report.add_argument("--carrier", choices=CARRIERS, default="", help="only what came this way")
        output = report.add_mutually_exclusive_group()
        add_json_option(output)  # type: ignore[arg-type]
        output.add_argument("--csv", action="store_true", help="print the result as CSV")
        add_settings_options(report)


def _example(name: str) -> str:
    return f"telemetry-server normandy {name} --data ./data --from 20261101"


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    from telemetry_server.analysis.committed_files import SnapshotFailed
    from telemetry_server.analysis.extras import TablesNotInstalled
    from telemetry_server.analysis.query import QueryLimits, opened_session
    from telemetry_server.composition.data_root import existing_data_root, revision_cache_path
    from telemetry_server.normandy import answers

    settings = settings_of(args)
    root = existing_data_root(settings)
    asked = answers.Question(
        *(args.first or "", args.last or "", args.channel, args.version, args.carrier),
        settings.suppress_below,
    )
    answer = {
        "uptake": answers.uptake_answer,
        "recipes": answers.recipes_answer,
        "studies": answers.studies_answer,
    }[args.report]
    try:
        with opened_session(root, revision_cache_path(settings), QueryLimits()) as session:
            connection: duckdb.DuckDBPyConnection = session.connection
            found = answer(connection, asked)
    except (TablesNotInstalled, SnapshotFailed) as error:
        say(f"telemetry-server normandy: {printable(str(error))}")
        return ExitStatus.CONFIGURATION if isinstance(error, TablesNotInstalled) else ExitStatus.BAD_INPUT
    if args.json:
        print_json(found)
    elif args.csv:
        print_csv(*answers.flat_rows(found[args.report]))
    else:
        _print(args.report, found)
    return ExitStatus.DONE


def _print(report: str, found: dict[str, Any]) -> None:
    items = found[report]
    if report == "studies":
        if not items and not found.get("suppressed", {}).get("cells"):
            print_text("no enrolments: no stored ping has an event of the category normandy")
        else:
            _print_studies(items)
    else:
        rows = [
            (
                item["carrier"],
                item["kind"],
                printable(item["name"]),
                item["n"],
                _rate(item["success_rate"]),
                _rate(item["strict_rate"]),
                ", ".join(f"{printable(word)} {count}" for word, count in item["words"].items()),
            )
            for item in items
        ]
        print_table(("carrier", "kind", "name", "reports", "success rate", "strict rate", "statuses"), rows)
    if hidden := found.get("suppressed", {}).get("cells"):
        print_text(f"\nnot shown, with too few clients: {hidden:,} rows or parts of rows")
    if found["anomalies"]:
        marks = ", ".join(f"{name} {count}" for name, count in found["anomalies"].items())
        print_text(f"\nanomalies: {marks}")


def _print_studies(items: list[dict[str, Any]]) -> None:
    columns = {
        "enrolled": "enrolled",
        "failed": "enroll_failed",
        "graduated": "graduated",
        "left": "unenrolled",
        "orphans": "orphan_unenrolled",
        "active": "active",
    }
    print_table(
        ("carrier", "object", "study", *columns, "left rate"),
        [
            (
                item["carrier"],
                printable(item["object"]),
                printable(item["study"]),
                *("\u2013" if item[name] is None else item[name] for name in columns.values()),
                _rate(item["unenrol_rate"]),
            )
            for item in items
        ],
    )


def _rate(ratio: dict[str, Any]) -> str:
    """Return a ratio as text; a dash where nothing was counted."""
    if ratio["value"] is None:
        return "\u2013"
    share, low, high = (f"{100 * ratio[part]:.1f}" for part in ("value", "low", "high"))
    return f"{share} % ({low} to {high}; {ratio['numerator']:,} of {ratio['denominator']:,})"
