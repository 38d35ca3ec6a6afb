"""Leaves out of the figures of studies what too few clients sent, and what such figures follow from."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from telemetry_server.normandy.few_reports import NO_RATIO

Key = tuple[str, str, str]
Cell = tuple[str, str]
"""A count of a study and what it is of: a reason, a branch, or nothing."""

# What a count is a part of: where one part is of too few clients, none of the parts is shown.
SPLITS: Mapping[str, tuple[str, ...]] = {
    "end": ("unenrolled", "graduated_matched", "active", "reason", "branch_left", "branch_stayed"),
    "failure": ("enroll_failed", "failure"),
    "orphan": ("orphans", "orphan_reason"),
    "reset": ("reset", "kept"),
    "branch": ("branch",),
    "updated": ("updated",),
    "graduated": ("graduated",),
    "enrolled": ("enrolled",),
}
HIDDEN: Mapping[str, Mapping[str, Any]] = {
    "end": {
        "unenrolled": None, "active": None, "unenrol_rate": NO_RATIO, "reasons": {}, "reason_classes": {},
        "median_days_enrolled": None, "graduated": None,
    },
    "failure": {"enroll_failed": None, "enrol_failure_rate": NO_RATIO, "failures": {}},
    "orphan": {"orphan_unenrolled": None, "orphan_reasons": {}},
    "reset": {"reset_share": NO_RATIO},
    "branch": {"branches": [], "balance": {"p": None, "is_unbalanced": False}},
    "updated": {"updated": None},
    "graduated": {"graduated": None, "active": None},
    "enrolled": {
        "enrolled": None, "active": None, "enrol_failure_rate": NO_RATIO, "unenrol_rate": NO_RATIO,
        "branches": [],
    },
}  # fmt: skip


@dataclass(slots=True)
class FewEnrollments:
    """
    Distinct clients behind each count of each study.

    Args:
        suppress_below: Counts of fewer clients are not shown.
    """

    suppress_below: int = 1
    _clients: dict[Key, Counter[Cell]] = field(default_factory=lambda: defaultdict(Counter))
    _all: Counter[Key] = field(default_factory=Counter)

    def add_client(self, counts: Iterable[tuple[Key, Mapping[Cell, int]]]) -> None:
        """Add the counts of one client."""
        for key, cells in counts:
            self._all[key] += 1
            self._clients[key].update(cell for cell, count in cells.items() if count > 0)

    def shown(self, key: Key, row: dict[str, Any]) -> dict[str, Any] | None:
        """Return the *row* of a study without small counts; None where the study has too few clients."""
        if self.suppress_below <= 1:
            return row
        if self._all[key] < self.suppress_below:
            return None
        small = {cell[0] for cell, clients in self._clients[key].items() if clients < self.suppress_below}
        hidden = {split for split, parts in SPLITS.items() if small.intersection(parts)}
        if "end" in hidden and "branch" not in hidden:
            without = {"unenrolled": None, "unenrol_rate": NO_RATIO}
            row = row | {"branches": [branch | without for branch in row["branches"]]}
        for split in hidden:
            row = {**row, **HIDDEN[split]}
        return row | {"anonymous": None}
