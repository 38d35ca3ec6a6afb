"""Prints branch coverage by room: ``python -m tests.support.coverage_by_room`` after ``coverage combine``."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path, PurePath

from telemetry_server.terminal.output import print_table, print_text

GOAL_PERCENT = 90.0
LOW = f"below {GOAL_PERCENT:.0f} %"


def rooms_of(files: dict[str, dict[str, int]]) -> list[tuple[str, int, int, float]]:
    """
    Return room, statements, branches and percentage of both that were executed, lowest first.

    Args:
        files: The summary of each file in the JSON report of coverage.py, by path.
    """
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for path, summary in files.items():
        executed = summary["covered_lines"] + summary["covered_branches"]
        parts = (summary["num_statements"], summary["num_branches"], executed)
        room = str(PurePath(path).parent)
        sums[room] = [total + part for total, part in zip(sums[room], parts, strict=True)]
    rows = [
        (room, statements, branches, 100.0 * executed / (statements + branches))
        for room, (statements, branches, executed) in sums.items()
        if statements
    ]
    return sorted(rows, key=lambda row: row[3])


def main() -> None:
    """Print the table, and the total."""
    report = Path("build/coverage/report.json")
    subprocess.run(
        [sys.executable, "-m", "coverage", "json", "--quiet", "-o", report], check=True, stdout=sys.stderr
    )
    found = json.loads(report.read_text())
    rooms = rooms_of({path: file["summary"] for path, file in found["files"].items()})
    print_table(
        ("room", "statements", "branches", "executed", ""),
        [
            (room, statements, branches, f"{percent:.1f} %", LOW if percent < GOAL_PERCENT else "")
            for room, statements, branches, percent in rooms
        ],
    )
    print_text(f"\nall rooms: {found['totals']['percent_covered']:.1f} % of statements and branches")


if __name__ == "__main__":
    main()
