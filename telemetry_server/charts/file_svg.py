"""
A drawing as an SVG file: pixels and presentation attributes, for programs that know no style sheets.

Nothing in it refers to anything outside: no script, no style element, no font, no address.
"""

from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from telemetry_server.charts.drawing import Dot, Drawing, Line, Path, Rect, Text
from telemetry_server.charts.page_svg import path_data

WIDTH = 900
LEFT, RIGHT, TOP, BOTTOM = 64, 72, 76, 16
LINE_HEIGHT = 18
FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
TEXT, MUTED = "#1b2026", "#55606b"
# The light theme of the pages.
COLOURS = {
    "s1": "#1f66b0", "s2": "#b35400", "s3": "#00735c", "s4": "#7d3fa3", "s5": "#6b7480",
    "grid": "#e4e8ec", "axis-line": "#76808b", "change": "#7a5200", "at": "#1b2026", "band": "#1f66b0",
}  # fmt: skip
STROKES = {"strong": "2.5", "dotted": "1.5", "unfinished": "1.5"}
DASHES = {"dotted": "2 3", "unfinished": "4 3", "change": "2 3"}
BAND_OPACITY = "0.14"


def file_svg(drawing: Drawing, title: str, notes: tuple[str, ...] = ()) -> str:
    """
    Return a whole SVG file.

    Args:
        title: The first line.
        notes: At most two more lines, below it.
    """
    height = TOP + drawing.height + BOTTOM
    lines = [
        _plain_text(16, 28, title, size=16, colour=TEXT, weight="600"),
        *(
            _plain_text(16, 28 + LINE_HEIGHT * number, note, colour=MUTED)
            for number, note in enumerate(notes, 1)
        ),
        *(_plain_text(LEFT - 6, TOP + label.y, label.text, anchor="end") for label in drawing.axis),
        *_marks(drawing),
        *(
            _plain_text(WIDTH - RIGHT + 6, TOP + label.y, label.text, colour=_colour(label.style))
            for label in drawing.ends
        ),
    ]
    body = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" role="img" font-family="{FONT}" font-size="12">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _marks(drawing: Drawing) -> Iterator[str]:
    for mark in drawing.marks:
        yield WRITERS[type(mark)](mark)


def _pixels(x: float) -> float:
    return LEFT + x / 100 * (WIDTH - LEFT - RIGHT)


def _colour(style: str) -> str:
    return next((COLOURS[word] for word in style.split() if word in COLOURS), MUTED)


def _stroke(style: str) -> str:
    words = style.split()
    width = next((STROKES[word] for word in words if word in STROKES), "1.5" if "s" in style[:1] else "1")
    dashes = next((f' stroke-dasharray="{DASHES[word]}"' for word in words if word in DASHES), "")
    return f'stroke="{_colour(style)}" stroke-width="{width}"{dashes}'


def _rect(mark: Rect) -> str:
    left, right = _pixels(mark.x), _pixels(mark.x + mark.width)
    return (
        f'<rect x="{left:.2f}" y="{TOP + mark.y:.2f}" width="{right - left:.2f}" height="{mark.height:.2f}"'
        f' fill="{_colour(mark.style)}"/>'
    )


def _line(mark: Line) -> str:
    return (
        f'<line x1="{_pixels(mark.x1):.2f}" y1="{TOP + mark.y1:.1f}" x2="{_pixels(mark.x2):.2f}"'
        f' y2="{TOP + mark.y2:.1f}" {_stroke(mark.style)}/>'
    )


def _dot(mark: Dot) -> str:
    return (
        f'<circle cx="{_pixels(mark.x):.2f}" cy="{TOP + mark.y:.2f}" r="{mark.radius}"'
        f' fill="{_colour(mark.style)}"/>'
    )


def _text(mark: Text) -> str:
    return _plain_text(
        _pixels(mark.x), TOP + mark.y, mark.text, anchor=mark.anchor, colour=_colour(mark.style)
    )


def _path(mark: Path) -> str:
    data = path_data(mark, _pixels)
    if mark.is_closed:
        look = f'fill="{_colour(mark.style)}" fill-opacity="{BAND_OPACITY}"'
    else:
        look = f'fill="none" {_stroke(mark.style)}'
    return f'<path transform="translate(0 {TOP})" d="{data}" {look}/>'


def _plain_text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 12,
    colour: str = MUTED,
    weight: str = "400",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
        f' fill="{colour}">{escape(text)}</text>'
    )


WRITERS: dict[type, Callable[[Any], str]] = {Rect: _rect, Line: _line, Dot: _dot, Text: _text, Path: _path}
