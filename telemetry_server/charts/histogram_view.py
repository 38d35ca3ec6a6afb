"""One row of a histogram's answer as buckets with names and shares, for a chart and the table beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_WHOLE = 30  # buckets that are shown with all empty ones
# Kinds whose buckets have no order of size: they are a table, the largest first.
CATEGORIES = frozenset({"categorical", "labeled_counter", "boolean", "flag"})
BOOLEAN_NAMES = ("false", "true")


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket of a row."""

    position: int  # in the row
    start: int
    name: str  # its lower bound, or the label
    span: str  # both bounds
    count: float
    share: float  # of all counts


def buckets_of(kind: str, row: Mapping[str, Any], shown: range | None = None) -> list[Bucket]:
    """
    Return the buckets of *row*.

    Args:
        kind: Of the histogram, as the answer has it.
        shown: Their positions; all without it.
    """
    starts: Sequence[int] = row["starts"]
    labels: Sequence[str] = row.get("labels") or ()
    counts: Sequence[float] = row["counts"]
    total = sum(counts)
    found = []
    for position in shown if shown is not None else range(len(starts)):
        name, span = _names(kind, starts, labels, position)
        count = counts[position]
        found.append(Bucket(position, starts[position], name, span, count, count / total if total else 0.0))
    return found


def _names(kind: str, starts: Sequence[int], labels: Sequence[str], position: int) -> tuple[str, str]:
    if position < len(labels):
        return labels[position], labels[position]
    if kind in ("boolean", "flag") and position < len(BOOLEAN_NAMES):
        return BOOLEAN_NAMES[position], BOOLEAN_NAMES[position]
    start = starts[position]
    if kind in CATEGORIES or kind == "enumerated":
        is_overflow = kind == "enumerated" and position == len(starts) - 1 and len(starts) > 1
        text = f"{start} or more" if is_overflow else str(start)
        return text, text
    if position == len(starts) - 1:
        return f"{start}+", f"{start:,} or more"
    return str(start), f"{start:,} to {starts[position + 1]:,}"


def shown_positions(*rows: Mapping[str, Any] | None) -> range:
    """
    Return the positions of the buckets to show.

    Where there are many, that is from the first to the last with a count in any of *rows*, and one more
    on both sides.
    """
    present = [row for row in rows if row is not None]
    count = max((len(row["starts"]) for row in present), default=0)
    if count <= MAX_WHOLE:
        return range(count)
    filled = [position for row in present for position, value in enumerate(row["counts"]) if value]
    if not filled:
        return range(0)
    return range(max(0, min(filled) - 1), min(count, max(filled) + 2))
