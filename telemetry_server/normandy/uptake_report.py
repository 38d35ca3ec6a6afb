"""Figures of uptake: how often fetching, actions and recipes succeeded."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telemetry_server.normandy.ratio import Ratio
from telemetry_server.normandy.uptake import CARRIERS
from telemetry_server.normandy.vocabulary import NOT_APPLICABLE, RECIPE, RUNNER, SUCCESS, UNPARSED

MIN_APPLICABLE, HEALTHY_RATE = 50, 0.95
MAX_REVISION = 10**8
"""Recipe freshness below this is a revision number; documents call it a time in seconds, which it is not."""


@dataclass(frozen=True, slots=True)
class UptakeFigures:
    """The reports of one runner, action or recipe by one carrier."""

    carrier: str
    kind: str
    name: str
    words: Mapping[str, int]
    clients: int | None = None  # distinct ones with an applicable report; None where clients are unknown
    clients_succeeded: int | None = None

    @property
    def key(self) -> "UptakeKey":
        """What the figures are of."""
        return self.carrier, self.kind, self.name

    @property
    def success_rate(self) -> Ratio:
        """Successes of the reports that were attempts."""
        attempts = sum(self.words.values()) - self.words.get(NOT_APPLICABLE, 0)
        return Ratio(self.words.get(SUCCESS, 0), attempts)

    def as_json(self, times: "Times | None" = None, before: Ratio | None = None) -> dict[str, Any]:
        """
        Return the object of the API.

        Args:
            times: Of the same runner, action or recipe.
            before: Its success rate in the window before; None if it is not known.
        """
        n = sum(self.words.values())
        succeeded = self.words.get(SUCCESS, 0)
        applicable = self.success_rate
        failures = {
            word: count for word, count in self.words.items() if word not in (SUCCESS, NOT_APPLICABLE)
        }
        value = applicable.value
        found = {
            "carrier": self.carrier,
            "kind": self.kind,
            "name": self.name,
            "n": n,
            "words": dict(sorted(self.words.items())),
            "success_rate": applicable.as_json(),
            "strict_rate": Ratio(succeeded, n).as_json(),
            "failure_shares": {
                word: Ratio(count, sum(failures.values())).as_json()
                for word, count in sorted(failures.items())
            },
            "is_unhealthy": applicable.denominator >= MIN_APPLICABLE
            and value is not None
            and value < HEALTHY_RATE,
            "times": dict(sorted((times or {}).items())),
            "delta": delta_of(applicable, before),
        }
        if self.clients is not None and self.clients_succeeded is not None:
            found["client_success_rate"] = Ratio(self.clients_succeeded, self.clients).as_json()
        return found


UptakeKey = tuple[str, str, str]
"""Carrier, kind and name."""

Times = Mapping[str, Mapping[str, int | None]]
"""Median and 95th percentile of ages and durations, by word."""

UptakeGroup = tuple[str, str, str, str | None, int]
"""Carrier, kind, name, word, and the number of reports."""

ClientGroup = tuple[str, str, str, int, int]
"""Carrier, kind, name, distinct clients with an applicable report, and those of them with a success."""


def figures_of(
    groups: Iterable[UptakeGroup], clients: Iterable[ClientGroup], carriers: Iterable[str] = CARRIERS
) -> list[UptakeFigures]:
    """
    Return the figures of every runner, action and recipe, by carrier.

    The runner of each of *carriers* is there even if nothing came: its rates are null then.
    """
    sums: dict[tuple[str, str, str], Counter[str]] = {
        (carrier, RUNNER, ""): Counter() for carrier in carriers
    }
    for carrier, kind, name, word, n in groups:
        if kind != UNPARSED and word is not None:
            sums.setdefault((carrier, kind, name), Counter())[word] += n
    by_client = {(carrier, kind, name): counts for carrier, kind, name, *counts in clients}
    order = {RUNNER: 0, "action": 1, RECIPE: 2}
    return [
        UptakeFigures(*key, words, *by_client.get(key, (None, None)))
        for key, words in sorted(
            sums.items(), key=lambda item: (item[0][0], order[item[0][1]], _natural(item[0][2]))
        )
    ]


def times_of(groups: Iterable[Sequence[Any]]) -> dict[UptakeKey, dict[str, dict[str, int | None]]]:
    """Return the times in *groups*: carrier, kind, name, word, and the four numbers of `Times`."""
    names = ("age_seconds_median", "age_seconds_p95", "duration_ms_median", "duration_ms_p95")
    found: dict[UptakeKey, dict[str, dict[str, int | None]]] = {}
    for carrier, kind, name, word, *numbers in groups:
        found.setdefault((carrier, kind, name), {})[word] = dict(zip(names, numbers, strict=True))
    return found


def delta_of(rate: Ratio, before: Ratio | None) -> dict[str, Any] | None:
    """Return how *rate* changed since *before*; it is flagged where the intervals do not overlap."""
    if before is None or rate.value is None or before.value is None:
        return None
    low, high = rate.interval() or (0.0, 1.0)
    low_before, high_before = before.interval() or (0.0, 1.0)
    return {
        "before": before.as_json(),
        "change": rate.value - before.value,
        "is_significant": low > high_before or high < low_before,
    }


def _natural(name: str) -> tuple[int, str]:
    return (int(name), name) if name.isascii() and name.isdigit() else (0, name)


def revision_of(freshness: float) -> int | None:
    """Return the recipe's revision that *freshness* gives; None where it is a time in seconds."""
    return int(freshness) if 0 <= freshness < MAX_REVISION else None
