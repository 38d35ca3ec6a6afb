"""A row of the result, and how it is made from repeated measurements."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A measurement of telemetry-server, and one to compare it with from the same run."""

    what: str
    unit: str
    ours: float
    yardstick: str
    theirs: float
    ratio: float  # ours / theirs; less is better
    spread: tuple[float, float]  # minimum and maximum of the ratio over the rounds
    note: str = ""


def paired_row(
    what: str, unit: str, pairs: Sequence[tuple[float, float]], yardstick: str, note: str = ""
) -> Row:
    """
    Return the row of measurements that took turns with those of a *yardstick*.

    Args:
        pairs: Our value and that of the yardstick, by round.
    """
    ratios = [ours / theirs for ours, theirs in pairs]
    return Row(
        what=what,
        unit=unit,
        ours=statistics.median(ours for ours, _ in pairs),
        yardstick=yardstick,
        theirs=statistics.median(theirs for _, theirs in pairs),
        ratio=statistics.median(ratios),
        spread=(min(ratios), max(ratios)),
        note=note,
    )


def goal_row(what: str, unit: str, values: Sequence[float], goal: float, note: str = "") -> Row:
    """Return the row of *values* that are compared with a *goal* in the same unit."""
    return paired_row(what, unit, [(value, goal) for value in values], "goal", note)
