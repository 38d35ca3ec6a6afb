"""What a deletion did, by place, and the databases of Fuel that it reaches."""

from collections import Counter
from dataclasses import dataclass, field

from telemetry_server.privacy.forget_scan import ScanResult

RAW, AGGREGATES = "submissions in raw", "days of aggregates"
# Every place of a data root, and what is counted there; the last part may be the beginning of a name.
PLACES = {
    "raw": (RAW,),
    "converted": ("stored",),
    "quarantine": ("quarantined", "conflict", "dropped histograms"),
    "tables": ("rows of ",),
    "aggregates": (AGGREGATES,),
    "ledger": ("duplicate", "pending"),
    "fuel": ("Fuel ",),
    "stray": ("files that repair moved aside",),
}


@dataclass(frozen=True, slots=True)
class FuelUrls:
    """The databases of Fuel-stat; empty: none."""

    collector: str = ""
    analytics: str = ""


NO_FUEL = FuelUrls()


@dataclass(slots=True)
class Report:
    """What a run did."""

    orders: list[int] = field(default_factory=list)
    removed: Counter[str] = field(default_factory=Counter)  # by place
    files_rewritten: int = 0
    sealed_days: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # one line each: what the next run does
    scan: ScanResult | None = None

    def places(self) -> dict[str, int]:
        """Return how many items went from each place; those without any, too."""
        return {
            place: sum(count for name, count in self.removed.items() if any(map(name.startswith, names)))
            for place, names in PLACES.items()
        }
