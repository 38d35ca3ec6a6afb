"""Adds records and dropped histograms to the sums for the reports on stores and on drift."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from telemetry_server.probes.checked_record import CheckedRecord, SeenMetrics
from telemetry_server.probes.few_clients import sender_of
from telemetry_server.probes.marks import EXCLUDED, Mark, MarkName
from telemetry_server.probes.parts import object_of
from telemetry_server.probes.probe_sums import BuildOrder, Drift, NewestBuild, ProbeSums
from telemetry_server.probes.record_check import EVENT
from telemetry_server.probes.stores import StorePolicy

_STATE_OF: Mapping[MarkName, Drift] = {
    MarkName.UNKNOWN_METRIC: Drift.UNDECLARED,
    MarkName.EXPIRED_METRIC: Drift.EXPIRED,
    MarkName.WRONG_STORE: Drift.BROKEN,
    MarkName.WRONG_PROCESS: Drift.BROKEN,
    MarkName.UNKNOWN_PROCESS: Drift.BROKEN,
    MarkName.WRONG_KIND: Drift.BROKEN,
    MarkName.UINT_RANGE: Drift.BROKEN,
    MarkName.KEYED_MISMATCH: Drift.BROKEN,
    MarkName.KEY_NOT_ALLOWED: Drift.BROKEN,
    MarkName.OVER_LIMIT: Drift.BROKEN,
    MarkName.WRONG_PRODUCT: Drift.BROKEN,
    MarkName.WRONG_OS: Drift.BROKEN,
    MarkName.EXTRA_KEY_UNKNOWN: Drift.BROKEN,
    MarkName.EXTRA_NOT_STRING: Drift.BROKEN,
}
COUNTED = EXCLUDED | _STATE_OF.keys()


class ProbeCounting:
    """
    Adds to *sums*; `finish` completes them.

    It looks each definition up once, because a ping has hundreds of metrics.
    """

    def __init__(self, sums: ProbeSums) -> None:
        self._sums = sums
        self._newest: dict[str, tuple[BuildOrder, CheckedRecord]] = {}
        # By `id()` of the registry.  Registries are kept, so that no other object gets the same `id()`.
        self._registries: dict[int, object] = {}
        self._looked_up: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        self._defined: set[tuple[int, str, str]] = set()

    def add(self, checked: CheckedRecord) -> None:
        """Add one stored record."""
        sums, name = self._sums, checked.policy.store
        metadata, sender = checked.record["metadata"], sender_of(checked.record)
        marks, seen = list(checked.marks(COUNTED)), list(checked.seen())
        sums.days.add(metadata["submission_timestamp"][:10])
        store = sums.stores[name]
        store.pings += 1
        sums.few_of_stores.add((name,), sender)
        anomalies = metadata.get("anomalies", {})
        store.anomalies.update(anomalies)
        sums.few_of_stores.add_all((name,), anomalies, sender)
        left_out = {(mark.metric, mark.process) for mark in marks if mark.name in EXCLUDED}
        for section in seen:
            if section.kind == EVENT:
                continue
            names = section.names
            if left_out:
                names = [each for each in names if (each, section.process) not in left_out]
            if names:
                store.metrics[section.process].update(names)
                sums.few_of_stores.add_all((name, section.process), names, sender)
        if checked.registry is not None:
            self._note_definitions(checked, seen)
        self._add_rows(checked, marks, seen, sender)

    def _note_definitions(self, checked: CheckedRecord, seen: list[SeenMetrics]) -> None:
        registry = id(checked.registry)
        self._registries[registry] = checked.registry
        for section in seen:
            looked_up = self._looked_up[registry, section.kind]
            for metric in set(section.names) - looked_up:
                looked_up.add(metric)
                definition = checked.find(metric, section.kind)
                if definition is not None:
                    self._sums.seen.add(definition.name)
        defining = registry, checked.policy.store, checked.source
        if defining not in self._defined:
            self._defined.add(defining)
            for metric, stores in checked.stores_of_metrics():
                for store in stores:
                    self._sums.defined[store].add(metric)
        order, newest = _order_of(checked), self._newest.get(checked.source)
        if newest is None or order.key >= newest[0].key:
            self._newest[checked.source] = order, checked

    def _add_rows(
        self, checked: CheckedRecord, marks: list[Mark], seen: list[SeenMetrics], sender: str
    ) -> None:
        broken: dict[tuple[Drift, str], set[str]] = defaultdict(set)
        for mark in marks:
            state = _STATE_OF.get(mark.name)
            if state is not None and mark.metric is not None:
                broken[state, mark.metric].add(mark.name.value)
        for (state, metric), reasons in broken.items():
            row = self._sums.rows[state.value, metric]
            row.pings += 1
            row.reasons.update(reasons)
            self._sums.few_of_rows.add_all((state.value, metric), (None, *reasons), sender)
            kind = next((each.kind for each in reversed(seen) if metric in each.names), "")
            definition = checked.find(metric, kind)
            row.describe(_order_of(checked), kind, () if definition is None else definition.owners)

    def add_dropped(self, histogram: str, reason: str, document_id: str) -> None:
        """Add a histogram that was dropped from a ping; each ping counts as a client."""
        self._sums.dropped[histogram][reason] += 1
        state = state_of_dropped(reason)
        self._sums.few_of_rows.add_all((state.value, histogram), (None, reason), document_id)

    def add_violation(self, policy: StorePolicy, document_id: str) -> None:
        """Add a ping that was quarantined because it named its client; it counts as one client."""
        name = MarkName.CLIENT_ID_PRESENT.value
        self._sums.stores[policy.store].anomalies[name] += 1
        self._sums.few_of_stores.add((policy.store, name), document_id)

    def finish(self) -> None:
        """Add the definitions of the newest builds."""
        for source, (order, checked) in self._newest.items():
            self._sums.note_newest(source, NewestBuild(order, tuple(checked.definitions())))
        self._newest.clear()


def state_of_dropped(reason: str) -> Drift:
    """Return the state of a histogram that was dropped for *reason*."""
    return Drift.UNDECLARED if reason == "unknown_histogram" else Drift.BROKEN


def _order_of(checked: CheckedRecord) -> BuildOrder:
    record: dict[str, Any] = checked.record
    build_id = object_of(record.get("application")).get("buildId")
    build_id = build_id or object_of(record.get("client_info")).get("build_date")
    revision = record["metadata"].get("revision")
    return BuildOrder(
        checked.version,
        build_id if isinstance(build_id, str) else "",
        revision if isinstance(revision, str) else "",
    )
