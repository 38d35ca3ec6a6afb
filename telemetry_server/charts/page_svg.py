"""A drawing as SVG inside of a page: axis, plot and end labels; the style sheet gives the colours."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any

from telemetry_server.charts.drawing import Dot, Drawing, Line, Path, Rect, Text

AXIS_WIDTH = 44
ENDS_WIDTH, NARROW_ENDS_WIDTH = 48, 8
PATH_UNITS = 1000  # across the plot
HIDDEN = 'aria-hidden="true" focusable="false"'


def page_svg(drawing: Drawing) -> str:
    """Return the three drawings, side by side, of one chart."""
    ends = ENDS_WIDTH if drawing.ends else NARROW_ENDS_WIDTH
    axis = "".join(
        f'<text x="{AXIS_WIDTH - 4}" y="{label.y:.1f}" text-anchor="end">{escape(label.text)}</text>'
        for label in drawing.axis
    )
    right = "".join(
        f'<text class="{label.style}" x="4" y="{label.y:.1f}">{escape(label.text)}</text>'
        for label in drawing.ends
    )
    plot = "".join(_marks(drawing))
    return (
        f'<svg class="axis" width="{AXIS_WIDTH}" height="{drawing.height}" {HIDDEN}>{axis}</svg>'
        f'<svg class="plot" width="100%" height="{drawing.height}" {HIDDEN}>{plot}</svg>'
        f'<svg class="ends" width="{ends}" height="{drawing.height}" {HIDDEN}>{right}</svg>'
    )


def _marks(drawing: Drawing) -> Iterator[str]:
    """Yield the marks; paths are in drawings of their own, since SVG has no percentages in paths."""
    paths: list[Path] = []
    for mark in drawing.marks:
        if isinstance(mark, Path):
            paths.append(mark)
            continue
        if paths:
            yield _paths(paths, drawing.height)
            paths = []
        yield WRITERS[type(mark)](mark)
    if paths:
        yield _paths(paths, drawing.height)


def _paths(paths: Sequence[Path], height: int) -> str:
    inner = "".join(
        f'<path class="{path.style}" vector-effect="non-scaling-stroke"'
        f' d="{path_data(path, lambda x: x * PATH_UNITS / 100)}"/>'
        for path in paths
    )
    return (
        f'<svg viewBox="0 0 {PATH_UNITS} {height}" width="100%" height="{height}"'
        f' preserveAspectRatio="none">{inner}</svg>'
    )


def path_data(path: Path, x_of: Callable[[float], float]) -> str:
    """Return the ``d`` of a path whose places along x are converted by *x_of*."""
    points = " ".join(f"{x_of(x):.1f},{y:.1f}" for x, y in path.points)
    return f"M{points}{'z' if path.is_closed else ''}"


def _rect(mark: Rect) -> str:
    return (
        f'<rect class="{mark.style}" x="{mark.x:.3f}%" width="{mark.width:.3f}%"'
        f' y="{mark.y:.2f}" height="{mark.height:.2f}"/>'
    )


def _line(mark: Line) -> str:
    return (
        f'<line class="{mark.style}" x1="{mark.x1:.3f}%" x2="{mark.x2:.3f}%"'
        f' y1="{mark.y1:.1f}" y2="{mark.y2:.1f}"/>'
    )


def _dot(mark: Dot) -> str:
    return f'<circle class="{mark.style}" cx="{mark.x:.3f}%" cy="{mark.y:.2f}" r="{mark.radius}"/>'


def _text(mark: Text) -> str:
    style = f' class="{mark.style}"' if mark.style else ""
    return (
        f'<text{style} x="{mark.x:.3f}%" y="{mark.y:.1f}" text-anchor="{mark.anchor}">'
        f"{escape(mark.text)}</text>"
    )


WRITERS: dict[type, Callable[[Any], str]] = {Rect: _rect, Line: _line, Dot: _dot, Text: _text}
