"""What was recorded: the share of each room, and what is missing in each file."""

import pickle
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from telemetry_server.terminal.output import print_table, print_text
from tests.support.coverage.marks import Marks
from tests.support.coverage.recording import RECORD, ROOT

GOAL_PERCENT = 90.0
LOW = f"below {GOAL_PERCENT:.0f} %"


@dataclass(frozen=True, slots=True)
class Share:
    """How many statements and branches there are, and how many of both were executed."""

    statements: int
    branches: int
    executed: int

    def __add__(self, other: "Share") -> "Share":
        return Share(
            self.statements + other.statements,
            self.branches + other.branches,
            self.executed + other.executed,
        )

    @property
    def percent(self) -> float:
        """100 where there is nothing to execute."""
        all_of_both = self.statements + self.branches
        return 100.0 * self.executed / all_of_both if all_of_both else 100.0


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """The coverage of one source file; *missing* has lines, and branches as ``12 -> 15``."""

    path: Path  # from the root of the project
    share: Share
    missing: tuple[str, ...]


def files_of(folder: Path, root: Path = ROOT) -> list[FileCoverage]:
    """Return what was recorded in *folder*."""
    hits = (folder / "hits").read_bytes()
    marks: dict[str, Marks] = pickle.loads((folder / "marks.pickle").read_bytes())
    return [coverage_of(Path(name).relative_to(root), found, hits) for name, found in marks.items()]


def coverage_of(path: Path, marks: Marks, hits: bytes) -> FileCoverage:
    """Return the coverage of one file; a branch that a missing line explains is not listed."""
    lines = [mark.line for mark in marks.statements if not hits[mark.number]]
    branches = [mark for mark in marks.branches if not hits[mark.number]]
    places = len(marks.statements) + len(marks.branches)
    missing = [(line, str(line)) for line in lines] + [
        (branch.line, f"{branch.line} -> {branch.target or 'past'}")
        for branch in branches
        if branch.line not in lines and branch.target not in lines
    ]
    return FileCoverage(
        path,
        Share(len(marks.statements), len(marks.branches), places - len(lines) - len(branches)),
        tuple(text for _, text in sorted(missing)),
    )


def by_room(files: Iterable[FileCoverage]) -> list[tuple[str, Share]]:
    """Return the share of each room, lowest first."""
    rooms: dict[str, Share] = defaultdict(lambda: Share(0, 0, 0))
    for file in files:
        rooms[str(file.path.parent)] += file.share
    return sorted(
        ((room, share) for room, share in rooms.items() if share.statements), key=lambda row: row[1].percent
    )


def print_report(folder: Path) -> None:
    """Print the table by room and the total; write what is missing to ``missing.txt`` in *folder*."""
    files = files_of(folder)
    print_table(
        ("room", "statements", "branches", "executed", ""),
        [
            (
                room,
                share.statements,
                share.branches,
                f"{share.percent:.1f} %",
                LOW if share.percent < GOAL_PERCENT else "",
            )
            for room, share in by_room(files)
        ],
    )
    total = sum((file.share for file in files), Share(0, 0, 0))
    print_text(f"\nall rooms: {total.percent:.1f} % of statements and branches")
    lines = [f"{file.path}: {', '.join(file.missing)}\n" for file in files if file.missing]
    (folder / "missing.txt").write_text("".join(lines))


if __name__ == "__main__":
    print_report(RECORD)
