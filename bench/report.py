"""One line of the result."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One thing of ours beside a yardstick that did comparable work in the same run."""

    what: str
    unit: str
    ours: float
    yardstick: str
    theirs: float
    ratio: float  # of cost: 1 is the yardstick's, less is better
    spread: tuple[float, float]  # least and most of the ratio over the rounds
    note: str = ""
