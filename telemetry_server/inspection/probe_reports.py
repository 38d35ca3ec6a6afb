"""Reads stored records for the reports on stores and on drift."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
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

# The beginning of what the server writes as the last member of a record; in texts quotes are escaped.
METADATA = b'"metadata":{"submission_timestamp":"'
TEXT = rb'"[^"\\]*"'
KIND = re.compile(
    rb'"metadata":\{"submission_timestamp":' + TEXT + rb',"document_id":' + TEXT
    + rb',"namespace":"(?P<namespace>[^"\\]*)","doctype":"(?P<doctype>[^"\\]*)"'
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Days:
    """A span of days of arrival, YYYYMMDD, both ends included; an empty end is open."""

    first: str = ""
    last: str = ""

    def filters(self, ledger: Ledger, *where: tuple[str, str]) -> Iterator[Filter]:
        """Yield what selects the records of these days."""
        if not self.first and not self.last:
            yield Filter(None, where)
            return
        for day in sorted(ledger.books()):
            if self.first <= day and (not self.last or day <= self.last):
                yield Filter(day, where)


ALL_DAYS = Days()


def report_on_stores(
    root: DataRoot, ledger: Ledger, checks: ProbeChecks, days: Days = ALL_DAYS, *, suppress_below: int = 1
) -> dict[str, Any]:
    """Return the report on every store, from the records of *days* that are kept; few clients are hidden."""
    report = StoreReport(checks.stores, suppress_below)
    for checked in _checked_records(root, ledger, checks, days):
        report.add(checked)
    for document_id, fields in _quarantined(root, ledger, QuarantineReason.PRIVACY_VIOLATION, days):
        policy = checks.stores.policy_of(fields["namespace"], fields["doctype"])
        if policy is not None:
            report.add_violation(policy, document_id)
    return report.as_json()


def report_on_drift(
    root: DataRoot, ledger: Ledger, checks: ProbeChecks, days: Days = ALL_DAYS, *, suppress_below: int = 1
) -> dict[str, Any]:
    """Return the table of drift, from the records of *days* that are kept, and what they lost."""
    report = DriftReport(suppress_below)
    for checked in _checked_records(root, ledger, checks, days):
        report.add(checked)
    for reason in HistogramReason:
        for document_id, fields in _quarantined(root, ledger, reason, days):
            if checks.stores.policy_of(fields["namespace"], fields["doctype"]) is not None:
                report.add_dropped(fields["histogram"], fields["reason"], document_id)
    return report.as_json()


def _checked_records(
    root: DataRoot, ledger: Ledger, checks: ProbeChecks, days: Days
) -> Iterator[CheckedRecord]:
    for wanted in days.filters(ledger):
        for line in read_records(root.path, ledger, wanted):
            if not _has_store(line, checks):
                continue
            checked = checked_record(stored_object(line.partition(b"\t")[2]), checks)
            if checked is not None:
                yield checked


def _has_store(line: bytes, checks: ProbeChecks) -> bool:
    """Return whether the ping of a converted line may have a store: without one it is not worth parsing."""
    found = KIND.match(line, max(0, line.rfind(METADATA)))
    if found is None:  # the parsed record says it
        return True
    return checks.stores.policy_of(found["namespace"].decode(), found["doctype"].decode()) is not None


def _quarantined(
    root: DataRoot, ledger: Ledger, reason: str, days: Days
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield document id and fields of what was refused for *reason*."""
    for wanted in days.filters(ledger, ("reason", reason)):
        for line in read_records(root.path, ledger, wanted, "quarantine"):
            document_id, _, text = line.partition(b"\t")
            for fields in one_by_one(stored_object(text)):
                yield document_id.decode(), fields
