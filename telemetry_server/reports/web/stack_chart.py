"""A stack of bars as SVG: a bar an hour or a day, from below stored, duplicate, quarantined, pending."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HEIGHT = 160.0
MIN_PART_HEIGHT = 1.5
BAR_SHARE = 0.84
MAX_LABELS = 12
MAX_BAR_PERCENT = 8.0  # of the plot: a few bars must not look like an area
# From below; the class names are those of the style sheet.
PARTS = (
    ("stored", "s1"),
    ("duplicate", "s5"),
    ("quarantined", "bad"),
    ("pending", "warn"),
    ("deleted", "muted"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One rectangle: x and width in percent of the plot, y and height in pixels."""

    x: str
    width: str
    y: str
    height: str
    css_class: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text below the plot."""

    x: str  # percent
    text: str
    is_second: bool  # hidden where it is narrow


@dataclass(frozen=True, slots=True)
class StackChart:
    """All that the template draws."""

    parts: Sequence[Part]
    labels: Sequence[Label]
    top: int  # the value at the upper edge
    marked: str = ""  # x of the line for the bar that the address names
    height: int = int(HEIGHT)


def stack_chart(
    bars: Sequence[Mapping[str, Any]],
    of_parts: Sequence[tuple[str, str]] = PARTS,
    total: str = "received",
    at: int | None = None,
) -> StackChart:
    """
    Return the chart of *bars*, each with ``start``, a count for each part, and their sum.

    Args:
        of_parts: Name and class of each part, from below.
        total: The name of the sum.
        at: Number of the bar that the address names.
    """
    top = _round_up(max((bar[total] for bar in bars), default=0))
    width = 100 / max(1, len(bars))
    bar_width = min(width * BAR_SHARE, MAX_BAR_PERCENT)
    parts = []
    for position, bar in enumerate(bars):
        base = HEIGHT
        for name, css_class in of_parts:
            if not bar[name]:
                continue
            height = max(MIN_PART_HEIGHT, bar[name] / top * HEIGHT)
            base -= height
            x = (position + 0.5) * width - bar_width / 2
            parts.append(Part(f"{x:.3f}%", f"{bar_width:.3f}%", f"{base:.2f}", f"{height:.2f}", css_class))
    marked = "" if at is None else f"{(at + 0.5) * width:.3f}%"
    return StackChart(parts, _labels(bars, width), top, marked)


def _labels(bars: Sequence[Mapping[str, Any]], width: float) -> list[Label]:
    step = max(1, -(-len(bars) // MAX_LABELS))
    labels = []
    for number, position in enumerate(range(0, len(bars), step)):
        start = bars[position]["start"]
        text = start[11:16] if len(start) > 10 else start[5:]
        labels.append(Label(f"{(position + 0.5) * width:.3f}%", text, number % 2 == 1))
    return labels


def _round_up(value: int) -> int:
    """Return the least of 1, 2, 5, 10, 20, 50, … that is not less than *value*."""
    unit = 1
    while True:
        for factor in (1, 2, 5):
            if unit * factor >= value:
                return unit * factor
        unit *= 10
