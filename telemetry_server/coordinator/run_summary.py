"""The summary of a converter run, and the metrics that are counted with it."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from storage.ledger.values import Counts, Entry
from telemetry_server.convert.anomalies import ANOMALIES
from telemetry_server.coordinator.work_items import (
    AwaitingResult,
    DamagedResult,
    DeletedResult,
    DuplicateResult,
    ItemResult,
    RefusedResult,
    StoredResult,
)
from telemetry_server.observability import metrics


@dataclass(slots=True)
class RunSummary:
    """The counts of one run."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    deleted: int = 0  # of clients or documents that an order deleted
    pending: int = 0  # all pending pings; those of earlier runs were tried again
    waited_before: int = 0  # pending when the run began, received by an earlier run
    quarantined: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)  # accepted oddities, by name
    histograms_kept: int = 0
    histograms_dropped: Counter[str] = field(default_factory=Counter)
    damaged_records: int = 0
    damaged_bytes: int = 0

    def add_damage(self, damage: Counts) -> None:
        """Count damaged records and bytes."""
        for (_, entry, _), count in damage.items():
            if entry is Entry.DAMAGED_RECORDS:
                self.damaged_records += count
            elif entry is Entry.DAMAGED_BYTES:
                self.damaged_bytes += count

    def add(self, results: Iterable[ItemResult], *, received: bool, labels: "Labels") -> None:
        """
        Count *results*, here and in the metrics.

        Args:
            received: Whether the items were read for the first time.
        """
        stored: Counter[tuple[str, str]] = Counter()  # by namespace and doctype, for the metrics
        kept, dropped = self.histograms_kept, Counter(self.histograms_dropped)
        for result in results:
            if isinstance(result, DamagedResult):
                self.damaged_records += 1
                self.damaged_bytes += result.length
                continue
            self.received += received
            if isinstance(result, AwaitingResult):
                continue
            if isinstance(result, DeletedResult):
                self.deleted += 1
                metrics.pings_deleted.count()
                continue
            for name, count in result.notes.items():
                self.notes[name] += count
                if name in ANOMALIES:
                    metrics.anomalies.count(name, amount=count)
            match result:
                case StoredResult():
                    stored[labels.of(result.namespace, result.doctype)] += 1
                    self.histograms_kept += result.histograms_kept
                    for reason, count in result.dropped.items():
                        self.histograms_dropped[reason] += count
                case DuplicateResult():
                    self.duplicate += 1
                    self.conflict += result.is_conflict
                    metrics.pings_duplicate.count()
                case RefusedResult():
                    self.quarantined[result.reason] += 1
                    metrics.pings_quarantined.count(result.reason)
        for names, count in stored.items():
            self.stored += count
            metrics.pings_stored.count(*names, amount=count)
        metrics.histograms_kept.count(amount=self.histograms_kept - kept)
        for reason, count in (self.histograms_dropped - dropped).items():
            metrics.histograms_dropped.count(reason, amount=count)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``convert --json`` prints."""
        return {
            "received": self.received,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "conflict": self.conflict,
            "quarantined": dict(sorted(self.quarantined.items())),
            "pending": self.pending,
            "deleted": self.deleted,
            "histograms": {
                "kept": self.histograms_kept,
                "dropped": dict(sorted(self.histograms_dropped.items())),
            },
            "damaged": {"records": self.damaged_records, "bytes": self.damaged_bytes},
            "notes": dict(sorted(self.notes.items())),
        }


@dataclass(frozen=True, slots=True)
class Labels:
    """The closed lists of the labels ``namespace`` and ``doctype``."""

    namespaces: Collection[str]
    doctypes: Collection[str]

    def of(self, namespace: str, doctype: str) -> tuple[str, str]:
        """Return the label values for a ping; values that are not on the lists become OTHER."""
        return (
            metrics.bounded_label(namespace, self.namespaces),
            metrics.bounded_label(doctype, self.doctypes),
        )
