"""One row of the result."""

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
