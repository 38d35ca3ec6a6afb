"""Scales: from a value to a place along y, and the values that an axis names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10

ZERO_GAP = 14.0  # pixels between the line of 0 and the smallest value of a logarithmic scale
MAX_TICKS = 6
MIN_VALUE = 1e-9  # less counts as 0


@dataclass(frozen=True, slots=True)
class Scale:
    """A vertical scale: `place` gives the pixels from above; `ticks` are the values at its lines."""

    place: Callable[[float], float]
    ticks: Sequence[float]


def rounded_up(value: float) -> float:
    """Return the least of 1, 2, 4, 6, 8, 10, 20, … (and their tenths, hundredths) that is not less."""
    if value < MIN_VALUE:
        return 1.0
    unit = 10.0 ** floor(log10(value))
    # A unit that is a hair above a power of ten must not become the next one.
    return next(factor * unit for factor in (1, 2, 4, 6, 8, 10) if factor * unit >= value * (1 - 1e-12))


def linear_scale(top: float, height: float) -> Scale:
    """Return a scale from 0 to *top*, which is at the upper edge."""
    highest = top if top > 0 else 1.0
    return Scale(
        lambda value: height - min(max(value, 0.0), highest) / highest * height, (0.0, highest / 2, highest)
    )


def logarithmic_scale(values: Sequence[float], height: float) -> Scale:
    """
    Return a scale from the least to the greatest of *values* by powers of ten.

    Values that are not above 0 are on a line of their own at the lower edge.
    """
    above = [value for value in values if value >= MIN_VALUE]
    if not above:
        return linear_scale(1.0, height)
    has_zero = len(above) < len(values)
    low, high = log10(min(above)), log10(rounded_up(max(above)))
    low = min(low, high - 0.3)
    room = height - (ZERO_GAP if has_zero else 0.0)

    def place(value: float) -> float:
        if value < MIN_VALUE:
            return height
        return (high - min(max(log10(value), low), high)) / (high - low) * room

    return Scale(place, ((0.0,) if has_zero else ()) + _ticks(10**low, 10**high))


def _ticks(low: float, high: float) -> tuple[float, ...]:
    """Return round values between *low* and *high*, a few."""
    found: list[float] = []
    unit = 10.0 ** floor(log10(low))
    while unit <= high * (1 + 1e-9):
        found += [
            factor * unit for factor in (1, 2, 5) if low * (1 - 1e-9) <= factor * unit <= high * (1 + 1e-9)
        ]
        unit *= 10
    if len(found) > MAX_TICKS:
        tens = [value for value in found if abs(log10(value) - round(log10(value))) < 1e-9]
        found = tens if len(tens) > 1 else [found[0], found[-1]]
    found = found or [high]
    return tuple(found[:: -(-len(found) // MAX_TICKS)])


def short_number(value: float) -> str:
    """Return *value* in few characters: ``1.5k``, ``20M``."""
    for factor, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= factor:
            unit = 1e3 if letter == "k" else factor
            return (
                f"{value / unit:.3g}{letter}" if abs(value / unit) < 1000 else f"{value / unit:,.0f}{letter}"
            )
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def percent(share: float) -> str:
    """Return a share as a percentage of at most one decimal, for an axis."""
    value = 100 * share
    return f"{value:.0f}%" if abs(value - round(value)) < 1e-9 else f"{value:.3g}%"
