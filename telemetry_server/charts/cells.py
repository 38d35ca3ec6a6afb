"""Small pictures inside of table cells; each repeats the number beside it, so readers of text skip it."""

from collections.abc import Sequence

HEAD = (
    '<svg class="cell" viewBox="0 0 100 {height}" preserveAspectRatio="none"'
    ' aria-hidden="true" focusable="false">'
)


def bar(share: float, compared: float | None = None) -> str:
    """Return a bar of *share* (0 to 1) of a cell's width, and a tick at *compared*."""
    tick = "" if compared is None else f'<rect class="s2" x="{_x(compared, 2)}" y="0" width="2" height="8"/>'
    return f'{HEAD.format(height=8)}<rect class="s1" width="{_percent(share)}" height="8"/>{tick}</svg>'


def interval(low: float, value: float, high: float, lowest: float, highest: float) -> str:
    """Return a line from *low* to *high* with a tick at *value*, on a scale from *lowest* to *highest*."""
    room = (highest - lowest) or 1.0
    start, middle, end = ((each - lowest) / room for each in (low, value, high))
    width = _percent(max(0.005, end - start))
    return (
        f"{HEAD.format(height=8)}"
        f'<rect class="s1" x="{_percent(start)}" y="3" width="{width}" height="2"/>'
        f'<rect class="s1" x="{_x(middle, 2)}" y="0" width="2" height="8"/></svg>'
    )


def sparkline(values: Sequence[float]) -> str:
    """Return a bar for each of *values*, the oldest first."""
    most = max(values, default=0.0) or 1.0
    width = 100 / max(1, len(values))
    bars = "".join(
        f'<rect class="s5" x="{position * width + width * 0.1:.2f}" y="{16 - value / most * 16:.2f}"'
        f' width="{width * 0.8:.2f}" height="{value / most * 16:.2f}"/>'
        for position, value in enumerate(values)
        if value > 0
    )
    return f"{HEAD.format(height=16).replace('cell', 'cell spark')}{bars}</svg>"


def _percent(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * 100:.2f}"


def _x(share: float, width: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * (100 - width):.2f}"
