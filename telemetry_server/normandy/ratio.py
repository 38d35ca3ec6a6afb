"""Ratios with their 95 % Wilson intervals, and the balance test of branches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Z = 1.959963984540054  # 97.5 % of the standard normal distribution


@dataclass(frozen=True, slots=True)
class Ratio:
    """*numerator* of *denominator*."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """The share; None where the denominator is 0."""
        return self.numerator / self.denominator if self.denominator else None

    def interval(self) -> tuple[float, float] | None:
        """
        Return the Wilson score interval of 95 %; None where the denominator is 0.

        The lower end is exactly 0 for 0 of n and the upper end exactly 1 for n of n.

        Source: E. B. Wilson, "Probable inference", 1927.
        """
        n = self.denominator
        if not n:
            return None
        share = self.numerator / n
        centre = share + Z * Z / (2 * n)
        spread = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        scale = 1 + Z * Z / n
        low = 0.0 if self.numerator == 0 else max(0.0, (centre - spread) / scale)
        high = 1.0 if self.numerator == n else min(1.0, (centre + spread) / scale)
        return low, high

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        low, high = self.interval() or (None, None)
        return {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": self.value,
            "low": low,
            "high": high,
        }


def balance_p(counts: Sequence[int]) -> float | None:
    """
    Return the p value of the chi-square test of *counts* against equal shares; None for fewer than two.

    Source: the closed forms of the chi-square distribution for whole degrees of freedom
    (Abramowitz and Stegun, 26.4.4 and 26.4.5).
    """
    total, cells = sum(counts), len(counts)
    if cells < 2 or not total:  # one branch cannot be out of balance
        return None
    expected = total / cells
    statistic = sum((count - expected) ** 2 for count in counts) / expected
    return _chi_square_tail(statistic, cells - 1)


def _chi_square_tail(statistic: float, degrees: int) -> float:
    half = statistic / 2
    if degrees % 2 == 0:
        terms = (half**j / math.gamma(j + 1) for j in range(degrees // 2))
        return min(1.0, math.exp(-half) * math.fsum(terms))
    terms = (half ** (j - 0.5) / math.gamma(j + 0.5) for j in range(1, (degrees + 1) // 2))
    return min(1.0, math.erfc(math.sqrt(half)) + math.exp(-half) * math.fsum(terms))
