"""The report on stores: pings and metrics of each, and metrics that several stores share."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from telemetry_server.probes.few_clients import FewClients
from telemetry_server.probes.probe_sums import ProbeSums, StoreSums
from telemetry_server.probes.stores import Stores


@dataclass(slots=True)
class _VisibleFigures:
    """The visible figures of a store."""

    pings: int = 0
    anomalies: dict[str, int] = field(default_factory=dict)
    metrics: dict[tuple[str, str], int] = field(default_factory=dict)  # (metric, process) → pings
    defined: set[str] = field(default_factory=set)
    suppressed: int = 0


def store_report(sums: ProbeSums, stores: Stores) -> dict[str, Any]:
    """
    Return the object that ``stores --json`` prints; ``suppressed`` counts what is not shown.

    A metric of several stores is never summed over them.
    """
    names = sorted({*stores.names, *sums.stores})
    shown = {
        name: _shown(
            name, sums.stores.get(name, StoreSums()), sums.defined.get(name, set()), sums.few_of_stores
        )
        for name in names
    }
    return {
        "stores": [_as_json(name, store) for name, store in shown.items()],
        "shared": list(_shared(shown)),
        "suppressed": {"cells": sum(store.suppressed for store in shown.values())},
    }


def _shown(name: str, sums: StoreSums, defined: set[str], few: FewClients) -> _VisibleFigures:
    """Return a store without what too few clients sent."""
    if sums.pings and few.is_small((name,)):
        return _VisibleFigures(defined=defined, suppressed=1)
    anomalies = {key: count for key, count in sums.anomalies.items() if not few.is_small((name, key))}
    # A metric is hidden in all processes: its sum over them is shown for shared metrics.
    small = {
        metric
        for process, counts in sums.metrics.items()
        for metric in counts
        if few.is_small((name, process, metric))
    }
    metrics = {
        (metric, process): count
        for process, counts in sums.metrics.items()
        for metric, count in counts.items()
        if metric not in small
    }
    suppressed = len(sums.anomalies) - len(anomalies) + len(small)
    return _VisibleFigures(sums.pings, anomalies, metrics, defined, suppressed)


def _shared(shown: dict[str, _VisibleFigures]) -> Iterable[dict[str, Any]]:
    by_metric: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name, store in shown.items():
        pings: Counter[str] = Counter()
        for (metric, _), count in store.metrics.items():
            pings[metric] += count
        for metric in store.defined | pings.keys():
            by_metric[metric][name] = pings[metric]
    for metric in sorted(by_metric):
        if len(by_metric[metric]) > 1:
            yield {"metric": metric, "by_store": by_metric[metric]}


def _as_json(name: str, store: _VisibleFigures) -> dict[str, Any]:
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
