"""
What a chart is made of: marks with a place and a style.

Places along x and widths are percentages of the plot; places along y and heights are pixels from above.
So a chart takes any width, and its text keeps its size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_LABELS = 12
LONG_LABEL = 5  # characters
MAX_NARROW, MAX_LONG_NARROW = 6, 3  # labels where it is narrow
LABEL_HEIGHT = 20  # below the plot, for the labels along x


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled rectangle."""

    x: float
    width: float
    y: float
    height: float
    style: str


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    style: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    style: str


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text at a place of the plot."""

    x: float
    y: float
    text: str
    style: str = ""
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points, or the filled shape between them."""

    points: Sequence[tuple[float, float]]
    style: str
    is_closed: bool = False


Mark = Rect | Line | Dot | Text | Path


@dataclass(frozen=True, slots=True)
class SideLabel:
    """A text left or right of the plot."""

    y: float
    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole chart."""

    height: int  # with the labels along x
    marks: Sequence[Mark]
    axis: Sequence[SideLabel]  # left
    ends: Sequence[SideLabel] = ()  # right


def place_of(position: int, count: int) -> float:
    """Return the middle of one of *count* equal parts of the plot."""
    return (position + 0.5) * 100 / count


def x_labels(texts: Sequence[str], y: float, max_labels: int = MAX_LABELS) -> list[Text]:
    """Return at most *max_labels* labels at *y*; where it is narrow some are hidden (style ``second``)."""
    step = max(1, -(-len(texts) // max_labels))
    positions = range(0, len(texts), step)
    is_long = any(len(texts[position]) > LONG_LABEL for position in positions)
    kept = -(-len(positions) // (MAX_LONG_NARROW if is_long else MAX_NARROW))
    return [
        Text(place_of(position, len(texts)), y, texts[position], "second" if number % kept else "")
        for number, position in enumerate(positions)
    ]
