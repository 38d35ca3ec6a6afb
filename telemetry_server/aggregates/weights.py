"""The weighting by client: every client with samples counts as 1, shared out among its buckets."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import fsum

# Sums of floats differ from the exact ones by far less than this share of the whole.
DOUBT = 1e-9
MAX_EXACT_TOTALS = 64


@dataclass(slots=True)
class ClientWeights:
    """
    Sums of clients' shares, kept as whole counts of the clients that have equal totals.

    The sums of fractions are exact, so neither the order of clients nor the number of machines matters.
    """

    clients: int = 0
    _by_total: dict[int, dict[int, int]] = field(default_factory=dict)  # total: bucket start: count

    def add(self, counts: Mapping[int, int]) -> None:
        """Add one client's *counts* by bucket start; one without samples is left out."""
        total = sum(counts.values())
        if not total:
            return
        self.clients += 1
        of_total = self._by_total.setdefault(total, defaultdict(int))
        for start, count in counts.items():
            of_total[start] += count

    def exact(self, starts: Sequence[int]) -> list[Fraction]:
        """Return the weight of each bucket; slow where clients have very many different totals."""
        return [
            sum(
                (Fraction(counts.get(start, 0), total) for total, counts in self._by_total.items()),
                Fraction(),
            )
            for start in starts
        ]

    def weights(self, starts: Sequence[int]) -> list[float]:
        """Return the weight of each bucket, each the float nearest to the sum of its parts."""
        return [
            fsum(counts[start] / total for total, counts in sorted(self._by_total.items()) if start in counts)
            for start in starts
        ]

    def for_percentiles(self, starts: Sequence[int], percentiles: Sequence[Fraction]) -> list[Fraction]:
        """
        Return weights by which *percentiles* are exact.

        They are the exact ones where these are few or a percentile is near the border of a bucket, else
        floats as fractions.
        """
        if len(self._by_total) <= MAX_EXACT_TOTALS:
            return self.exact(starts)
        weights = self.weights(starts)
        reached = 0.0
        for weight in weights:
            reached += weight
            if any(
                abs(reached * 100 - float(p) * self.clients) <= DOUBT * 100 * self.clients
                for p in percentiles
            ):
                return self.exact(starts)
        return [Fraction(weight) for weight in weights]


def smoothed_shares(weights: Sequence[float | Fraction], clients: int) -> list[float]:
    """Return shares as GLAM shows them: moved towards equal ones, to four decimals."""
    buckets = len(weights)
    return [round(float((Fraction(weight) + Fraction(1, buckets)) / (clients + 1)), 4) for weight in weights]
