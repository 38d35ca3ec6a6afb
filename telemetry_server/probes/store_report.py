"""The report on stores: pings and metrics of each, and metrics that several stores share."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from telemetry_server.probes.checked_record import CheckedRecord
from telemetry_server.probes.few_clients import FewClients, sender_of
from telemetry_server.probes.marks import EXCLUDED, MarkName
from telemetry_server.probes.record_check import EVENT
from telemetry_server.probes.stores import StorePolicy, Stores


@dataclass(slots=True)
class _Store:
    pings: int = 0
    anomalies: Counter[str] = field(default_factory=Counter)
    metrics: Counter[tuple[str, str]] = field(default_factory=Counter)  # (metric, process) → pings
    defined: set[str] = field(default_factory=set)


class StoreReport:
    """
    Adds up records; a metric of several stores is never summed over them.

    Args:
        suppress_below: What fewer clients sent is not shown.
    """

    def __init__(self, stores: Stores, suppress_below: int = 1) -> None:
        self._few = FewClients(suppress_below)
        self._suppressed = 0
        self._stores: defaultdict[str, _Store] = defaultdict(_Store)
        for name in stores.names:
            self._stores[name]
        # One record for each store and each set of definitions.
        self._defining: dict[tuple[int, str], CheckedRecord] = {}

    def add(self, checked: CheckedRecord) -> None:
        """Add one stored record."""
        store = self._stores[checked.policy.store]
        name, sender = checked.policy.store, sender_of(checked.record)
        store.pings += 1
        self._few.add(name, sender)
        anomalies = checked.record["metadata"].get("anomalies", {})
        store.anomalies.update(anomalies)
        for anomaly in anomalies:
            self._few.add((name, anomaly), sender)
        left_out = {(mark.metric, mark.process) for mark in checked.marks() if mark.name in EXCLUDED}
        for seen in checked.seen():
            if seen.kind != EVENT and (seen.metric, seen.process) not in left_out:
                store.metrics[seen.metric, seen.process] += 1
                self._few.add((name, seen.metric, seen.process), sender)
        if checked.registry is not None:
            self._defining.setdefault((id(checked.registry), checked.policy.store), checked)

    def add_violation(self, policy: StorePolicy, document_id: str) -> None:
        """Add a ping that was quarantined because it said who sent it; it counts as one client."""
        self._stores[policy.store].anomalies[MarkName.CLIENT_ID_PRESENT.value] += 1
        self._few.add((policy.store, MarkName.CLIENT_ID_PRESENT.value), document_id)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``stores --json`` prints; ``suppressed`` counts what is not shown."""
        for checked in self._defining.values():
            for metric, stores in checked.stores_of_metrics():
                for store in stores:
                    if store in self._stores:
                        self._stores[store].defined.add(metric)
        for name in list(self._stores):
            self._hide_few(name, self._stores[name])
        return {
            "stores": [_store_as_json(name, self._stores[name]) for name in sorted(self._stores)],
            "shared": list(self._shared()),
            "suppressed": {"cells": self._suppressed},
        }

    def _hide_few(self, name: str, store: _Store) -> None:
        """Take out of *store* what too few clients sent."""
        if store.pings and self._few.is_small(name):
            self._stores[name] = _Store(defined=store.defined)
            self._suppressed += 1
            return
        anomalies = [anomaly for anomaly in store.anomalies if self._few.is_small((name, anomaly))]
        # The processes of a metric add up to what is shown of stores that share it.
        small = {metric for metric, process in store.metrics if self._few.is_small((name, metric, process))}
        for anomaly in anomalies:
            del store.anomalies[anomaly]
        for key in [key for key in store.metrics if key[0] in small]:
            del store.metrics[key]
        self._suppressed += len(anomalies) + len(small)

    def _shared(self) -> Iterable[dict[str, Any]]:
        by_metric: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for name in sorted(self._stores):
            store = self._stores[name]
            pings: Counter[str] = Counter()
            for (metric, _), count in store.metrics.items():
                pings[metric] += count
            for metric in store.defined | pings.keys():
                by_metric[metric][name] = pings[metric]
        for metric in sorted(by_metric):
            if len(by_metric[metric]) > 1:
                yield {"metric": metric, "by_store": by_metric[metric]}


def _store_as_json(name: str, store: _Store) -> dict[str, Any]:
    return {
        "store": name,
        "pings": store.pings,
        "metrics_defined": len(store.defined),
        "metrics_seen": len({metric for metric, _ in store.metrics}),
        "anomalies": dict(sorted(store.anomalies.items())),
        "metrics": [
            {"metric": metric, "process": process, "count": count}
            for (metric, process), count in sorted(store.metrics.items())
        ],
    }
