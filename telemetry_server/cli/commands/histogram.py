"""``telemetry-server histogram``: the distribution of one measurement."""

import argparse
import re
import sys
from typing import Any

from telemetry_server.cli.date_arguments import day_of
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.output_arguments import STDOUT, output_file, write_output
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_table, print_text, say

EPILOG = """\
examples:
  telemetry-server histogram GC_MS --channel nightly --version 42
  telemetry-server histogram GC_MS --by day --from 20261101 --weight clients --json
  telemetry-server histogram GC_MS --by branch --experiment pref-flip

It shows one line for each build, day, version or branch; on a terminal also the last one's
distribution.  Builds more than three days ahead of their pings or more than a year older,
and pings of test machines, are left out and counted.

exit status: 1 if no revision defines the metric and no ping has it, 4 if a file of a table is missing"""
_PERCENTILE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
DIMENSIONS = ("channel", "version", "application", "os", "os_version", "architecture", "doctype")


def percentile_list(text: str) -> tuple[str, ...]:
    """
    Return the percentiles in *text*, separated by commas.

    Raises:
        argparse.ArgumentTypeError: One is not a number from 0 to 100.
    """
    found = tuple(part.strip() for part in text.split(","))
    for part in found:
        if not _PERCENTILE.fullmatch(part) or float(part) > 100:
            raise argparse.ArgumentTypeError(f"{part!r} is not a number from 0 to 100")
    return found


def metric_name(text: str) -> str:
    """
    Return *text*.

    Raises:
        argparse.ArgumentTypeError: It is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``histogram``."""
    parser.add_argument("metric", type=metric_name, metavar="NAME", help="name of the measurement")
    parser.add_argument(
        "--by",
        choices=("build", "day", "version", "branch"),
        default="build",
        help="what each row stands for (default: build)",
    )
    parser.add_argument("--experiment", default="", metavar="NAME", help="the experiment, for --by branch")
    for name in DIMENSIONS:
        option = f"--{name.replace('_', '-')}"
        words = name.replace("_", " ").replace("os", "operating system")
        parser.add_argument(option, dest=f"of_{name}", default="", metavar="VALUE", help=f"only this {words}")
    parser.add_argument("--process", default="", help="only this process (default: all together)")
    parser.add_argument("--label", help="only this key of a keyed measurement (default: all together)")
    parser.add_argument("--from", dest="first", type=day_of, metavar="DAY", help="first day or build date")
    parser.add_argument("--to", dest="last", type=day_of, metavar="DAY", help="last day or build date")
    parser.add_argument(
        "--weight",
        choices=("samples", "clients"),
        default="samples",
        help="every sample counts the same, or every client (default: samples)",
    )
    parser.add_argument(
        "--percentiles",
        type=percentile_list,
        default=("5", "25", "50", "75", "95"),
        metavar="P,…",
        help="percentiles to print (default: 5,25,50,75,95)",
    )
    parser.add_argument(
        "--compare", default="", metavar="VERSION|BUILD", help="show another version or build beside each row"
    )
    parser.add_argument(
        "--merge", choices=("coarsen",), help="add histograms whose definitions differ, where possible"
    )
    parser.add_argument(
        "--as-of", type=day_of, metavar="DAY", help="only pings that arrived by the end of that day"
    )
    parser.add_argument("--smoothed", action="store_true", help="shares by client as GLAM shows them")
    output = parser.add_mutually_exclusive_group()
    add_json_option(output)  # type: ignore[arg-type]
    output.add_argument("--csv", action="store_true", help="print a line for each bucket as CSV")
    output.add_argument("--png", type=output_file, metavar="FILE", help="draw the last row as PNG; -: stdout")
    output.add_argument("--svg", type=output_file, metavar="FILE", help="draw the last row as SVG; -: stdout")
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the histogram."""
    from telemetry_server.aggregates.histogram_answer import NoSuchMetric, histogram_answer
    from telemetry_server.aggregates.query import HistogramQuery, selection_of
    from telemetry_server.analysis.committed_files import SnapshotFailed
    from telemetry_server.cli.days_behind import say_behind
    from telemetry_server.composition.aggregates import aggregates_reader

    if args.by == "branch" and not args.experiment:
        say("telemetry-server histogram: --by branch needs --experiment NAME")
        return ExitStatus.USAGE
    if args.png == STDOUT and sys.stdout.isatty():
        say("telemetry-server histogram: PNG is not text; name a file with --png")
        return ExitStatus.USAGE
    values = {name: getattr(args, f"of_{name}") for name in DIMENSIONS}
    query = HistogramQuery(
        metric=args.metric,
        by=args.by,
        selection=selection_of(values, process=args.process, label=args.label),
        experiment=args.experiment,
        first=args.first or "",
        last=args.last or "",
        weight=args.weight,
        percentiles=args.percentiles,
        compare=args.compare,
        merges=args.merge is not None,
        is_smoothed=args.smoothed,
    )
    settings = settings_of(args)
    reader = aggregates_reader(settings, args.as_of or "")
    try:
        answer = histogram_answer(reader, query)
    except NoSuchMetric as error:
        say(f"telemetry-server histogram: {error}")
        return ExitStatus.FINDINGS
    except SnapshotFailed as error:
        say(f"telemetry-server histogram: {error}")
        return ExitStatus.BAD_INPUT
    try:
        _print(args, answer)
    except BrokenPipeError:
        raise
    except OSError as error:
        if not (args.svg or args.png):
            raise
        say(f"telemetry-server histogram: {args.svg or args.png}: {error.strerror or error}")
        return ExitStatus.CONFIGURATION
    say_behind(reader.days_behind_of(query), settings.data_dir)
    return ExitStatus.DONE


def _print(args: argparse.Namespace, answer: dict[str, Any]) -> None:
    rows = answer["rows"]
    if args.json:
        print_json(answer)
        return
    if args.csv:
        from telemetry_server.terminal.csv_text import print_csv

        print_csv(("group", "start", "label", "count"), list(bucket_rows(rows)))
    elif rows and (args.svg or args.png):
        from telemetry_server.charts.histogram_file import histogram_svg

        chart = histogram_svg(answer)
        if args.svg:
            write_output(args.svg, chart.encode())
        else:
            from telemetry_server.cli.drawing import png_of

            write_output(args.png, png_of(chart))
    elif rows:
        _print_rows(answer)
    _say_rest(args, answer)


def bucket_rows(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return a line for each bucket of *rows*: group, start, label and count."""
    return [
        (row["group"], start, label, count)
        for row in rows
        for start, label, count in zip(
            row["starts"], row.get("labels", [""] * len(row["starts"])), row["counts"], strict=True
        )
    ]


def _print_rows(answer: dict[str, Any]) -> None:
    rows = answer["rows"]
    percentiles = [f"p{each['p']}" for each in rows[0]["percentiles"]]
    names = ("group", "samples", "instances", "pings", "clients", "mean", *percentiles)
    print_table(
        names,
        [
            (
                *(row[name] for name in names[:5]),
                "" if row["mean"] is None else row["mean"],
                *("" if each["value"] is None else each["value"] for each in row["percentiles"]),
            )
            for row in rows
        ],
    )
    if sys.stdout.isatty():
        import shutil

        from telemetry_server.terminal.bar_chart import bar_chart

        print_text(f"\n{answer['metric']}, {rows[-1]['group']}, by {answer['weight']}:")
        for line in bar_chart(chart_rows(rows[-1]), shutil.get_terminal_size().columns):
            print_text(line)


def chart_rows(row: dict[str, Any]) -> list[tuple[str, float, str]]:
    """Return label, count and share of the buckets from the first to the last that is not empty."""
    from telemetry_server.terminal.client_text import shown

    counts = row["counts"]
    total = sum(counts)
    filled = [place for place, count in enumerate(counts) if count]
    if not filled:
        return []
    labels = row.get("labels") or [str(start) for start in row["starts"]]
    return [
        (shown(labels[place], 40), float(counts[place]), f"{counts[place]:,.6g} {counts[place] / total:7.2%}")
        for place in range(filled[0], filled[-1] + 1)
    ]


REASONS = {
    "not_sent_by_this_version": "no ping of this selection has it",
    "filtered_out": "the selection leaves nothing",
    "suppressed": "too few clients in every group",
    "not_aggregated_yet": "not summed up yet",
}


def _say_rest(args: argparse.Namespace, answer: dict[str, Any]) -> None:
    if "reason" in answer:
        say(f"nothing to show: {REASONS[answer['reason']]}")
    if "since" in answer:
        since = answer["since"]
        words = (("late", "came later"), ("added", "stored later"), ("deleted", "deleted"))
        counted = (f"{word} {since[name]:,}" for name, word in words if since[name] is not None)
        say(f"pings since then: {', '.join(counted) or 'not known'}")
    left_out = {name.replace("_", " "): count for name, count in answer["left_out"].items() if count}
    if left_out:
        say("left out: " + ", ".join(f"{count:,} pings ({name})" for name, count in left_out.items()))
    if answer["suppressed"]["cells"]:
        suppressed = answer["suppressed"]
        say(f"not shown, with too few clients: {suppressed['cells']:,} groups")
    hint = "added where possible" if args.merge else "--merge coarsen adds them where possible"
    for other in answer["other_shapes"]:
        say(f"of another definition: {other['samples']:,} samples ({hint})")
