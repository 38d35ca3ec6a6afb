"""A histogram as columns: one for each bucket, all of the same width."""

from collections.abc import Sequence

from telemetry_server.charts.drawing import LABEL_HEIGHT, Drawing, Line, Mark, Rect, SideLabel, x_labels
from telemetry_server.charts.scales import linear_scale, percent, rounded_up

HEIGHT = 180
COLUMN_SHARE = 0.84  # of a bucket's width
TICK_HEIGHT = 3.0


def top_share(*several: Sequence[float]) -> float:
    """Return the upper end of a scale that holds all shares of *several* histograms."""
    return rounded_up(max((share for shares in several for share in shares), default=0.0))


def columns_chart(
    labels: Sequence[str],
    shares: Sequence[float],
    *,
    compared: Sequence[float] = (),
    top: float,
    height: int = HEIGHT,
) -> Drawing:
    """
    Return the chart of one histogram.

    Args:
        labels: The lower bound of each bucket.
        shares: Of all samples or clients, 0 to 1.
        compared: Shares of another histogram with the same buckets; drawn as ticks.
        top: The share at the upper edge; charts side by side have the same.
        height: Of the plot, in pixels.
    """
    scale = linear_scale(top, height)
    width = 100 / max(1, len(labels))
    marks: list[Mark] = [
        Line(0, round(scale.place(tick)) + 0.5, 100, round(scale.place(tick)) + 0.5, "grid")
        for tick in scale.ticks
        if tick
    ]
    for position, share in enumerate(shares):
        if share > 0:
            y = scale.place(share)
            x = position * width + width * (1 - COLUMN_SHARE) / 2
            marks.append(Rect(x, width * COLUMN_SHARE, y, height - y, "s1"))
    for position, share in enumerate(compared):
        if share > 0:
            y = min(scale.place(share), height - TICK_HEIGHT)
            marks.append(Rect(position * width, width, y, TICK_HEIGHT, "s2"))
    marks.append(Line(0, height + 0.5, 100, height + 0.5, "axis-line"))
    marks += x_labels(labels, height + 15)
    axis = [SideLabel(scale.place(tick) + (10 if tick == top else 4), percent(tick)) for tick in scale.ticks]
    return Drawing(height + LABEL_HEIGHT, marks, axis)
