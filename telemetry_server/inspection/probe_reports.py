"""The reports on stores and on drift, from the sums of the days."""

from dataclasses import dataclass
from typing import Any

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from telemetry_server.inspection.probe_days import ProbeDays, days_of
from telemetry_server.probes.drift import drift_table
from telemetry_server.probes.probe_checks import ProbeChecks
from telemetry_server.probes.probe_sums import ProbeSums
from telemetry_server.probes.store_report import store_report


@dataclass(frozen=True, slots=True)
class Days:
    """
    A span of days of arrival, YYYYMMDD, both ends included; an empty end is open.

    Attributes:
        max_bytes: Most bytes of records to read; `TakesLong` is raised if more are needed.
    """

    first: str = ""
    last: str = ""
    max_bytes: int | None = None


ALL_DAYS = Days()


def report_on_stores(
    root: DataRoot, ledger: Ledger, checks: ProbeChecks, days: Days = ALL_DAYS, *, suppress_below: int = 1
) -> dict[str, Any]:
    """Return the report on every store, from the records of *days* that are kept; few clients are hidden."""
    return store_report(probe_sums(root, ledger, checks, days, suppress_below=suppress_below), checks.stores)


def report_on_drift(
    root: DataRoot, ledger: Ledger, checks: ProbeChecks, days: Days = ALL_DAYS, *, suppress_below: int = 1
) -> dict[str, Any]:
    """Return the table of drift, from the records of *days* that are kept, and what they lost."""
    return drift_table(probe_sums(root, ledger, checks, days, suppress_below=suppress_below))


def probe_sums(
    root: DataRoot, ledger: Ledger, checks: ProbeChecks, days: Days = ALL_DAYS, *, suppress_below: int = 1
) -> ProbeSums:
    """Return the sums of all records of *days*."""
    sums = ProbeSums(suppress_below)
    reader = ProbeDays(root, ledger, checks, suppress_below, days.max_bytes)
    for day in days_of(ledger, days.first, days.last):
        found = reader.day(day)
        if found is not None:
            sums.add(found.sums)
    return sums
