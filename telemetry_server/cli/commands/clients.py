"""``telemetry-server clients``: distinct clients, by version, channel, day and more."""

import argparse

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table, say

NAMES = (
    *("day", "week", "month", "build", "channel", "version", "application", "os", "os_version"),
    *("architecture", "doctype", "country"),
)
EPILOG = f"""\
examples:
  telemetry-server clients --by day --from 20261101
  telemetry-server clients --by version,channel --csv

Counts are exact.  Pings of test machines are left out.
--by takes {", ".join(NAMES)}."""


def grouping(text: str) -> tuple[str, ...]:
    """
    Return the names in *text*, separated by commas.

    Raises:
        argparse.ArgumentTypeError: One is unknown.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"{name!r} is unknown: use {', '.join(NAMES)}")
    return tuple(dict.fromkeys(names))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``clients``."""
    parser.add_argument(
        "--by",
        type=grouping,
        default=("day",),
        metavar="NAME,…",
        help="fields that each row stands for (default: day)",
    )
    parser.add_argument("--from", dest="first", type=day_of, metavar="DAY", help="first day")
    parser.add_argument("--to", dest="last", type=day_of, metavar="DAY", help="last day")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--csv", action="store_true", help="print the rows as CSV")
    add_json_option(output)  # type: ignore[arg-type]
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the clients."""
    from telemetry_server.aggregates.clients_answer import clients_answer
    from telemetry_server.cli.days_behind import say_behind
    from telemetry_server.composition.aggregates import aggregates_reader

    settings, days = settings_of(args), (args.first or "", args.last or "")
    reader = aggregates_reader(settings)
    answer = clients_answer(reader, args.by, *days)
    names = (*args.by, "clients", "pings")
    rows = [[row[name] for name in names] for row in answer["rows"]]
    if args.json:
        print_json(answer)
    elif args.csv:
        from telemetry_server.terminal.csv_text import print_csv

        print_csv(names, rows)
    else:
        print_table(names, rows)
        if answer["suppressed"]["cells"]:
            say(f"not shown, with too few clients: {answer['suppressed']['cells']:,} rows")
        if answer["left_out"]["automation"]:
            say(f"left out, of test machines: {answer['left_out']['automation']:,} pings")
    say_behind(reader.days_behind(*days), settings.data_dir)
    return ExitStatus.DONE
