"""Drift: how the definitions of probes and what is sent differ."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from telemetry_server.probes.checked_record import DefinedProbe
from telemetry_server.probes.few_clients import FewClients
from telemetry_server.probes.probe_counting import state_of_dropped
from telemetry_server.probes.probe_sums import Drift, ProbeSums, Row, RowSums
from telemetry_server.probes.record_check import HISTOGRAM


def drift_table(sums: ProbeSums) -> dict[str, Any]:
    """
    Return the object that ``drift --json`` prints: the rows, most pings a day first.

    ``suppressed`` counts the rows of too few clients.  The reasons of a row are hidden if one of them has
    too few clients.
    """
    counts, seen = _with_dropped(sums)
    days = max(len(sums.days), 1)
    few = sums.few_of_rows
    rows: list[dict[str, Any]] = [
        {
            "metric": metric,
            "kind": count.kind,
            "state": state,
            "pings": count.pings,
            "pings_per_day": round(count.pings / days, 3),
            "owners": list(count.owners),
            "reasons": _reasons(few, (state, metric), count),
        }
        for (state, metric), count in counts.items()
        if not few.is_small((state, metric, None))
    ]
    suppressed = len(counts) - len(rows)
    rows += [_silent_row(definition) for definition in _silent(sums, seen)]
    rows.sort(key=lambda row: (-row["pings"], row["state"], row["metric"]))
    return {"days": len(sums.days), "drift": rows, "suppressed": {"cells": suppressed}}


def _with_dropped(sums: ProbeSums) -> tuple[dict[Row, RowSums], set[str]]:
    """Return the rows, those of dropped histograms included, and the names of definitions that were sent."""
    newest = sums.newest.get("")
    owners = (
        {} if newest is None else {each.name: each.owners for each in newest.probes if each.kind == HISTOGRAM}
    )
    rows, seen = dict(sums.rows), set(sums.seen)
    for histogram, reasons in sums.dropped.items():
        for reason, pings in reasons.items():
            row = state_of_dropped(reason).value, histogram
            known = rows.get(row, RowSums())
            of_owners = owners.get(histogram, known.owners)
            rows[row] = RowSums(
                known.pings + pings, known.reasons + Counter({reason: pings}), HISTOGRAM, of_owners
            )
        if histogram in owners:
            seen.add(histogram)
    return rows, seen


def _reasons(few: FewClients, row: Row, count: RowSums) -> dict[str, int]:
    if few.have_small((*row, reason) for reason in count.reasons):
        return {}
    return dict(sorted(count.reasons.items()))


def _silent(sums: ProbeSums, seen: set[str]) -> Iterator[DefinedProbe]:
    for newest in sums.newest.values():
        for definition in newest.probes:
            if definition.is_expected and definition.name not in seen:
                yield definition


def _silent_row(definition: DefinedProbe) -> dict[str, Any]:
    return {
        "metric": definition.name,
        "kind": definition.kind,
        "state": Drift.SILENT.value,
        "pings": 0,
        "pings_per_day": 0.0,
        "owners": list(definition.owners),
        "reasons": {},
    }
