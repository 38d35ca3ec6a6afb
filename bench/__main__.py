"""``python -m bench``: runs benchmarks and prints them as one table."""

import argparse
import os
import platform
import sys
from dataclasses import asdict

from bench import (
    aggregates,
    archive,
    backlog,
    codecs,
    conversion,
    dedup,
    delay,
    edge,
    fuel,
    fuel_reports,
    keeping_up,
    large_root,
    latency,
    mapreduce,
    pages,
    probes,
    queues,
    reports,
    submit,
    table_delay,
    tables,
    whole_runs,
)
from bench.report import Row
from telemetry_server.terminal.output import print_json, print_table, say

SUITES = {
    "aggregates": aggregates.measure,
    "edge": edge.measure,
    "submit": submit.measure,
    "latency": latency.measure,
    "start": large_root.measure,
    "conversion": conversion.measure,
    "whole_runs": whole_runs.measure,
    "probes": probes.measure,
    "codecs": codecs.measure,
    "dedup": dedup.measure,
    "delay": delay.measure,
    "backlog": backlog.measure,
    "keeping_up": keeping_up.measure,
    "tables": tables.measure,
    "table_delay": table_delay.measure,
    "reports": reports.measure,
    "pages": pages.measure,
    "mapreduce": mapreduce.measure,
    "archive": archive.measure,
    "queues": queues.measure,
    "fuel": fuel.measure,
}


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Run benchmarks, and print their results as cost ratios."
    )
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"{', '.join(SUITES)} (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="fewer and shorter rounds, to check that the benchmarks work"
    )
    parser.add_argument(
        "--pings",
        type=int,
        help="tables, aggregates, archive, pages: pings of 90 KB (10000); reports: the same (20000)",
    )
    parser.add_argument(
        "--small-pings", type=int, default=100_000, help="tables: small pings (default: 100000)"
    )
    parser.add_argument(
        "--stored-pings", type=int, default=large_root.PINGS, help="start: small pings (default: 1000000)"
    )
    parser.add_argument(
        "--records", type=int, default=mapreduce.RECORDS, help="mapreduce: records of 90 KB (20000)"
    )
    parser.add_argument(
        "--installations",
        type=int,
        default=fuel_reports.INSTALLATIONS,
        help="fuel: installations with 100 nodes and 1,000 logs each (100; the whole is 1000)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    args = parser.parse_args(words)
    unknown = set(args.suites) - set(SUITES)
    if unknown:
        parser.error(f"no suite {sorted(unknown)[0]!r}; choose from {', '.join(SUITES)}")
    return args


def main() -> int:
    """Run the benchmarks and print the result."""
    args = parsed()
    rows: list[Row] = []
    for name in args.suites or SUITES:
        say(f"measuring: {name}")
        big = {} if args.pings is None else {"big": args.pings}
        sizes = {
            "start": {"pings": args.stored_pings},
            "tables": {**big, "small": args.small_pings},
            "aggregates": big,
            "pages": big,
            "reports": big,
            "archive": big,
            "mapreduce": {"records": args.records},
            "fuel": {"installations": args.installations},
        }.get(name, {})
        rows += SUITES[name](args.quick, **sizes)
    if args.json:
        print_json({"machine": _machine(), "rows": [asdict(row) for row in rows]})
        return 0
    print(_machine())
    print_table(
        ("measured", "value", "unit", "compared with", "its value", "cost ratio", "range", "notes"),
        [
            (
                row.what,
                row.ours,
                row.unit,
                row.yardstick,
                row.theirs,
                row.ratio,
                f"{row.spread[0]:.2f} - {row.spread[1]:.2f}",
                row.note,
            )
            for row in rows
        ],
    )
    return 0


def _machine() -> str:
    system = f"{platform.system()} {platform.release()}"
    return f"Python {platform.python_version()}, {system}, {os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
