"""The reports on stores and on drift, as the commands of the same names print them."""

from typing import Any

from telemetry_server.inspection.probe_reports import report_on_drift, report_on_stores
from telemetry_server.reports.queries.source import Source


def stores_answer(source: Source, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of ``/api/v1/stores``."""
    with source.ledger() as ledger:
        return report_on_stores(source.root, ledger, source.setup.conversion.probe_checks())


def drift_answer(source: Source, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of ``/api/v1/drift``."""
    with source.ledger() as ledger:
        return report_on_drift(source.root, ledger, source.setup.conversion.probe_checks())
