"""The reports on stores and on drift, as the commands print them, and when they were made."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from telemetry_server.inspection.probe_days import TakesLong
from telemetry_server.inspection.probe_reports import Days, report_on_drift, report_on_stores
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.reports.queries.quarantine_counts import schema_violations
from telemetry_server.reports.queries.source import Source

MAX_AT_ONCE_BYTES = 8 << 20
"""Most bytes of records that are read while other pages wait."""
TAKES_LONG = {"takes_long": True}


def stores_answer(source: Source, arguments: dict[str, Any], max_bytes: int | None = None) -> dict[str, Any]:
    """Return the answer of ``/api/v1/stores``, and ``as_of``."""
    return _report(source, arguments, report_on_stores, max_bytes)


def drift_answer(source: Source, arguments: dict[str, Any], max_bytes: int | None = None) -> dict[str, Any]:
    """Return the answer of ``/api/v1/drift``, ``as_of``, and the schema violations in quarantine."""
    report = _report(source, arguments, report_on_drift, max_bytes)
    with source.ledger() as ledger:
        violations = schema_violations(source, ledger, arguments["first_day"], arguments["last_day"])
    return {**report, "schema_violations": violations}


def stores_at_once_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the same as `stores_answer`, or `TAKES_LONG` if many records are not in the kept sums."""
    try:
        return stores_answer(source, arguments, MAX_AT_ONCE_BYTES)
    except TakesLong:
        return TAKES_LONG


def drift_at_once_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the same as `drift_answer`, or `TAKES_LONG` if many records are not in the kept sums."""
    try:
        return drift_answer(source, arguments, MAX_AT_ONCE_BYTES)
    except TakesLong:
        return TAKES_LONG


def _report(
    source: Source, arguments: dict[str, Any], report: Callable[..., dict[str, Any]], max_bytes: int | None
) -> dict[str, Any]:
    as_of = timestamp(datetime.now(UTC))
    with source.ledger() as ledger:
        found = report(
            source.root,
            ledger,
            source.probe_checks(),
            Days(arguments["first_day"], arguments["last_day"], max_bytes),
            suppress_below=source.setup.suppress_below,
        )
    return {**found, "as_of": as_of}
