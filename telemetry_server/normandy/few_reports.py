"""Leaves out of the figures of uptake what too few clients sent, and what such figures follow from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from telemetry_server.normandy.ratio import Ratio

UptakeCell = tuple[str, str, str, str | None]
"""Carrier, kind, name, word; without a word the clients of all words."""

OF_WORDS = """
SELECT carrier, kind, name, word, count(DISTINCT client_id) FROM uptake
WHERE component = 'normandy' AND list_contains($carriers, carrier)
  AND submission_date BETWEEN $first_day AND $last_day
  AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
  AND version IS NOT DISTINCT FROM coalesce($version, version)
GROUP BY GROUPING SETS ((carrier, kind, name, word), (carrier, kind, name))
"""
OF_MARKS = """
SELECT anomaly, count(DISTINCT client_id) FROM (
  SELECT unnest(anomalies) AS anomaly, client_id FROM {table}
  WHERE list_contains($carriers, carrier) AND submission_date BETWEEN $first_day AND $last_day
    AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
    AND version IS NOT DISTINCT FROM coalesce($version, version))
GROUP BY anomaly
"""
NO_RATIO = Ratio(0, 0).as_json() | {"numerator": None, "denominator": None}


@dataclass(frozen=True, slots=True)
class FewReports:
    """
    Distinct clients behind the figures of uptake.

    Args:
        suppress_below: Figures of fewer clients are not shown.
    """

    suppress_below: int = 1
    clients: Mapping[UptakeCell, int] = field(default_factory=dict)

    def shown(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows that may be shown, without the split into words where one word is of too few."""
        if self.suppress_below <= 1:
            return list(rows)
        return [self._row(row) for row in rows if not row["n"] or not self._is_small(row, None)]

    def _is_small(self, row: Mapping[str, Any], word: str | None) -> bool:
        key = row["carrier"], row["kind"], row["name"], word
        return self.clients.get(key, 0) < self.suppress_below

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        by_client = row.get("client_success_rate")
        if by_client is not None:
            failed = by_client["denominator"] - by_client["numerator"]
            if any(0 < count < self.suppress_below for count in (failed, by_client["numerator"])):
                row = row | {"client_success_rate": NO_RATIO}
        if not any(self._is_small(row, word) for word in row["words"]):
            return row
        hidden: dict[str, Any] = {
            "words": {},
            "failure_shares": {},
            "times": {},
            "delta": None,
            "is_unhealthy": False,
        }
        return row | hidden | {"success_rate": NO_RATIO, "strict_rate": NO_RATIO}


def hidden_in(rows: Sequence[Mapping[str, Any]], shown: Sequence[Mapping[str, Any]]) -> int:
    """Return how many of *rows* are not among the *shown* ones, or are there without a part."""
    return sum(row not in shown for row in rows)


def enough(counts: Mapping[str, int], clients: Mapping[str, int], suppress_below: int) -> dict[str, int]:
    """Return the *counts* of enough *clients*; names that *clients* lacks stay only where all are shown."""
    if suppress_below <= 1:
        return dict(counts)
    return {name: count for name, count in counts.items() if clients.get(name, 0) >= suppress_below}


def enough_days(rows: Sequence[Sequence[Any]], suppress_below: int) -> list[Sequence[Any]]:
    """
    Return *rows* of carrier, day, name, n and clients without the clients.

    The days of a name are left out together where one of them is of too few: they add up to a shown figure.
    """
    small = {(carrier, name) for carrier, _, name, _, clients in rows if clients < suppress_below}
    return [row[:4] for row in rows if suppress_below <= 1 or (row[0], row[2]) not in small]
