"""Lines over builds or days: percentiles, shares, counts of clients."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from telemetry_server.charts.drawing import (
    LABEL_HEIGHT,
    Dot,
    Drawing,
    Line,
    Mark,
    Path,
    Rect,
    SideLabel,
    Text,
    place_of,
    x_labels,
)
from telemetry_server.charts.scales import (
    Scale,
    linear_scale,
    logarithmic_scale,
    rounded_up,
    short_number,
)

HEIGHT = 200
BARS_HEIGHT = 30
BARS_GAP = 22  # between the plot and the bars, with their caption
MIN_LABEL_DISTANCE = 12.0
DOT_RADIUS = 2.5


@dataclass(frozen=True, slots=True)
class Series:
    """One line: a value for each group, None without data."""

    name: str
    values: Sequence[float | None]
    style: str  # of the style sheet, such as ``s1 strong``


@dataclass(frozen=True, slots=True)
class LineChart:
    """
    What a chart of lines shows.

    Attributes:
        groups: Builds, days, or other names along x.
        band: Names of two series; what is between them is shaded.
        bars: A number for each group, drawn as bars below; None without data.
        marks: Position and letter of each change of a definition.
        at: The position that the reader chose.
        is_unfinished: The last group still grows.
    """

    groups: Sequence[str]
    series: Sequence[Series]
    is_logarithmic: bool = False
    top: float | None = None  # of a linear scale; by default what the values need
    shown: Callable[[float], str] = short_number
    band: tuple[str, str] | None = None
    bars: Sequence[int | None] = ()
    bars_name: str = "samples"
    marks: Sequence[tuple[int, str]] = field(default_factory=tuple)
    at: int | None = None
    is_unfinished: bool = False
    height: int = HEIGHT


def line_chart(chart: LineChart) -> Drawing:
    """Return the drawing of *chart*."""
    scale = _scale(chart)
    marks: list[Mark] = [
        Line(0, round(y) + 0.5, 100, round(y) + 0.5, "grid")
        for tick in scale.ticks
        if (y := scale.place(tick)) < chart.height
    ]
    marks += _band(chart, scale)
    for series in chart.series:
        marks += _line(chart, series, scale)
    marks.append(Line(0, chart.height + 0.5, 100, chart.height + 0.5, "axis-line"))
    bottom = chart.height
    if chart.bars:
        marks += _bars(chart)
        bottom += BARS_GAP + BARS_HEIGHT
    marks += _vertical(chart, bottom)
    marks += x_labels(chart.groups, bottom + 15)
    axis = [SideLabel(min(scale.place(tick) + 4, chart.height), chart.shown(tick)) for tick in scale.ticks]
    axis = [SideLabel(max(label.y, 10.0), label.text) for label in axis]
    return Drawing(bottom + LABEL_HEIGHT, marks, _apart(axis, 11.0), _end_labels(chart, scale))


def _scale(chart: LineChart) -> Scale:
    values = [value for series in chart.series for value in series.values if value is not None]
    if chart.is_logarithmic:
        return logarithmic_scale(values, chart.height)
    if chart.top is not None:
        return linear_scale(chart.top, chart.height)
    scale = linear_scale(rounded_up(max(values, default=0.0)), chart.height)
    is_whole = all(value == int(value) for value in values)
    return replace(scale, ticks=[tick for tick in scale.ticks if not is_whole or tick == int(tick)])


def _runs(values: Sequence[float | None]) -> Iterator[tuple[int, int]]:
    """Yield the first position and the end of each run without a gap."""
    start = None
    for position, value in enumerate((*values, None)):
        if value is not None and start is None:
            start = position
        elif value is None and start is not None:
            yield start, position
            start = None


def _line(chart: LineChart, series: Series, scale: Scale) -> Iterator[Mark]:
    count = len(chart.groups)
    for start, end in _runs(series.values):
        points = [
            (place_of(position, count), scale.place(value))
            for position in range(start, end)
            if (value := series.values[position]) is not None
        ]
        if len(points) == 1:
            yield Dot(*points[0], DOT_RADIUS, series.style)
            continue
        if chart.is_unfinished and end == count:
            yield Path(points[-2:], f"{series.style} unfinished")
            points = points[:-1]
        if len(points) > 1:
            yield Path(points, series.style)


def _band(chart: LineChart, scale: Scale) -> Iterator[Mark]:
    by_name = {series.name: series.values for series in chart.series}
    if chart.band is None or not by_name.keys() >= set(chart.band):
        return
    low, high = (by_name[name] for name in chart.band)
    count = len(chart.groups)
    both = [None if a is None or b is None else (a, b) for a, b in zip(low, high, strict=True)]
    for start, end in _runs([None if pair is None else 0.0 for pair in both]):
        pairs = [(position, pair) for position in range(start, end) if (pair := both[position]) is not None]
        above = [(place_of(position, count), scale.place(pair[1])) for position, pair in pairs]
        below = [(place_of(position, count), scale.place(pair[0])) for position, pair in reversed(pairs)]
        yield Path([*above, *below], "band", is_closed=True)


def _bars(chart: LineChart) -> Iterator[Mark]:
    most = max((number for number in chart.bars if number is not None), default=0)
    bottom = chart.height + BARS_GAP + BARS_HEIGHT
    width = 100 / max(1, len(chart.groups))
    yield Text(0, chart.height + BARS_GAP - 6, f"{chart.bars_name}, up to {most:,}", "caption", "start")
    for position, number in enumerate(chart.bars):
        if number:
            height = number / most * BARS_HEIGHT
            yield Rect(position * width + width * 0.1, width * 0.8, bottom - height, height, "s5")
    yield Line(0, bottom + 0.5, 100, bottom + 0.5, "axis-line")


def _vertical(chart: LineChart, bottom: float) -> Iterator[Mark]:
    count = len(chart.groups)
    for position, letter in chart.marks:
        # Between the last group of the old definition and the first of the new one.
        x = position * 100 / count
        yield Line(x, 0, x, bottom, "change")
        yield Text(x, 10, f" {letter}", "change", "start")
    if chart.at is not None:
        x = place_of(chart.at, count)
        yield Line(x, 0, x, bottom, "at")


def _end_labels(chart: LineChart, scale: Scale) -> list[SideLabel]:
    labels = []
    for series in chart.series:
        last = next((value for value in reversed(series.values) if value is not None), None)
        if last is not None:
            labels.append(SideLabel(scale.place(last) + 4, series.name, series.style.split(" ")[0]))
    return _apart(labels, MIN_LABEL_DISTANCE)


def _apart(labels: Sequence[SideLabel], distance: float) -> list[SideLabel]:
    """Return *labels*, moved down where one would cover another."""
    placed: list[SideLabel] = []
    for label in sorted(labels, key=lambda each: each.y):
        y = max(label.y, placed[-1].y + distance) if placed else max(label.y, 10.0)
        placed.append(SideLabel(y, label.text, label.style))
    return placed
