"""The reports on stores and on drift, as the commands print them, and when they were made."""

from datetime import UTC, datetime
from typing import Any

from telemetry_server.inspection.probe_reports import Days, report_on_drift, report_on_stores
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.reports.queries.quarantine_counts import schema_violations
from telemetry_server.reports.queries.source import Source


def stores_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of ``/api/v1/stores``, and ``as_of``."""
    as_of = timestamp(datetime.now(UTC))
    days = Days(arguments["first_day"], arguments["last_day"])
    with source.ledger() as ledger:
        report = report_on_stores(
            source.root,
            ledger,
            source.setup.conversion.probe_checks(),
            days,
            suppress_below=source.setup.suppress_below,
        )
    return {**report, "as_of": as_of}


def drift_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of ``/api/v1/drift``, ``as_of``, and the schema violations in quarantine."""
    as_of = timestamp(datetime.now(UTC))
    days = Days(arguments["first_day"], arguments["last_day"])
    with source.ledger() as ledger:
        report = report_on_drift(
            source.root,
            ledger,
            source.setup.conversion.probe_checks(),
            days,
            suppress_below=source.setup.suppress_below,
        )
        violations = schema_violations(source, ledger, days.first, days.last)
    return {**report, "as_of": as_of, "schema_violations": violations}
