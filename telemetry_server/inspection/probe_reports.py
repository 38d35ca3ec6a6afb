"""Reads stored records for the reports on stores and on drift."""

from collections.abc import Iterator
from typing import Any

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.partitions.reader import Filter, read_records
from telemetry_server.outcomes.outcome import HistogramReason, QuarantineReason
from telemetry_server.outcomes.quarantine_line import one_by_one
from telemetry_server.pings.json_text import stored_object
from telemetry_server.probes.checked_record import CheckedRecord
from telemetry_server.probes.drift import DriftReport
from telemetry_server.probes.probe_checks import ProbeChecks, checked_record
from telemetry_server.probes.store_report import StoreReport


def report_on_stores(root: DataRoot, ledger: Ledger, checks: ProbeChecks) -> dict[str, Any]:
    """Return the report on every store, from all records that are kept."""
    report = StoreReport(checks.stores)
    for checked in _checked_records(root, ledger, checks):
        report.add(checked)
    for fields in _quarantined(root, ledger, QuarantineReason.PRIVACY_VIOLATION):
        policy = checks.stores.policy_of(fields["namespace"], fields["doctype"])
        if policy is not None:
            report.add_violation(policy)
    return report.as_json()


def report_on_drift(root: DataRoot, ledger: Ledger, checks: ProbeChecks) -> dict[str, Any]:
    """Return the table of drift, from all records that are kept and the histograms that they lost."""
    report = DriftReport()
    for checked in _checked_records(root, ledger, checks):
        report.add(checked)
    for reason in HistogramReason:
        for fields in _quarantined(root, ledger, reason):
            if checks.stores.policy_of(fields["namespace"], fields["doctype"]) is not None:
                report.add_dropped(fields["histogram"], fields["reason"])
    return report.as_json()


def _checked_records(root: DataRoot, ledger: Ledger, checks: ProbeChecks) -> Iterator[CheckedRecord]:
    for line in read_records(root.path, ledger, Filter(None, ())):
        checked = checked_record(stored_object(line.partition(b"\t")[2]), checks)
        if checked is not None:
            yield checked


def _quarantined(root: DataRoot, ledger: Ledger, reason: str) -> Iterator[dict[str, Any]]:
    for line in read_records(root.path, ledger, Filter(None, (("reason", reason),)), "quarantine"):
        yield from one_by_one(stored_object(line.partition(b"\t")[2]))
