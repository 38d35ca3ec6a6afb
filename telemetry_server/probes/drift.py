"""Drift: how the definitions of probes and what is sent differ."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from telemetry_server.probes.checked_record import CheckedRecord, DefinedProbe
from telemetry_server.probes.few_clients import FewClients, sender_of
from telemetry_server.probes.marks import MarkName
from telemetry_server.probes.record_check import HISTOGRAM
from telemetry_server.probes.versions import version_key


class Drift(StrEnum):
    """How a probe and what is sent differ."""

    SILENT = "silent"  # defined for the newest version that sends pings, and never sent
    UNDECLARED = "undeclared"  # sent and not defined
    EXPIRED = "expired"  # sent after it expired
    BROKEN = "broken"  # sent against its definition


_OF_MARK = {
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
_Row = tuple[Drift, str]  # and the metric


@dataclass(slots=True)
class _Count:
    pings: int = 0
    kind: str = ""
    reasons: Counter[str] = field(default_factory=Counter)
    owners: tuple[str, ...] = ()


class DriftReport:
    """
    Adds up records and the histograms that they lost.

    Args:
        suppress_below: What fewer clients sent is not shown.
    """

    def __init__(self, suppress_below: int = 1) -> None:
        self._few = FewClients(suppress_below)
        self._rows: defaultdict[_Row, _Count] = defaultdict(_Count)
        self._seen: set[str] = set()  # definitions that something was sent for
        self._days: set[str] = set()
        # By source of definitions, the record of the newest version.
        self._newest: dict[str, CheckedRecord] = {}

    def add(self, checked: CheckedRecord) -> None:
        """Add one stored record."""
        self._days.add(checked.record["metadata"]["submission_timestamp"][:10])
        kinds = {}
        for seen in checked.seen():
            kinds[seen.metric] = seen.kind
            definition = checked.find(seen.metric, seen.kind)
            if definition is not None:
                self._seen.add(definition.name)
        broken: dict[_Row, set[str]] = defaultdict(set)
        for mark in checked.marks():
            state = _OF_MARK.get(mark.name)
            if state is not None and mark.metric is not None:
                broken[state, mark.metric].add(mark.name.value)
        for row, reasons in broken.items():
            count = self._rows[row]
            count.pings += 1
            count.kind = kinds.get(row[1], "")
            count.reasons.update(reasons)
            for part in (None, *reasons):
                self._few.add((*row, part), sender_of(checked.record))
            definition = checked.find(row[1], count.kind)
            count.owners = () if definition is None else definition.owners
        newest = self._newest.get(checked.source)
        if checked.registry is not None and (newest is None or _order(checked) >= _order(newest)):
            self._newest[checked.source] = checked

    def add_dropped(self, histogram: str, reason: str, sender: str) -> None:
        """Add a histogram that the ping of *sender* was stored without."""
        state = Drift.UNDECLARED if reason == "unknown_histogram" else Drift.BROKEN
        count = self._rows[state, histogram]
        count.pings += 1
        count.kind = HISTOGRAM
        count.reasons[reason] += 1
        for part in (None, reason):
            self._few.add((state, histogram, part), sender)
        newest = self._newest.get("")
        definition = None if newest is None else newest.find(histogram, HISTOGRAM)
        if definition is not None:
            self._seen.add(definition.name)
            count.owners = definition.owners

    def as_json(self) -> dict[str, Any]:
        """
        Return the object that ``drift --json`` prints: the rows, most pings a day first.

        ``suppressed`` counts the rows of too few clients.  The reasons of a row are not shown where one of
        them is of too few.
        """
        days = max(len(self._days), 1)
        rows: list[dict[str, Any]] = [
            {
                "metric": metric,
                "kind": count.kind,
                "state": state.value,
                "pings": count.pings,
                "pings_per_day": round(count.pings / days, 3),
                "owners": list(count.owners),
                "reasons": self._reasons((state, metric), count),
            }
            for (state, metric), count in self._rows.items()
            if not self._few.is_small((state, metric, None))
        ]
        suppressed = len(self._rows) - len(rows)
        rows += [
            {
                "metric": definition.name,
                "kind": definition.kind,
                "state": Drift.SILENT.value,
                "pings": 0,
                "pings_per_day": 0.0,
                "owners": list(definition.owners),
                "reasons": {},
            }
            for definition in self._silent()
        ]
        rows.sort(key=lambda row: (-row["pings"], row["state"], row["metric"]))
        return {"days": len(self._days), "drift": rows, "suppressed": {"cells": suppressed}}

    def _reasons(self, row: _Row, count: _Count) -> dict[str, int]:
        if self._few.have_small((*row, reason) for reason in count.reasons):
            return {}
        return dict(sorted(count.reasons.items()))

    def _silent(self) -> Iterator[DefinedProbe]:
        for checked in self._newest.values():
            for definition in checked.expected():
                if definition.name not in self._seen:
                    yield definition


def _order(checked: CheckedRecord) -> tuple[Any, ...]:
    return version_key(checked.version) or ()
