"""Checks of stored records: by stores, and by definitions of revisions and Glean applications."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from histogram_specs.history.resolver import Resolves
from telemetry_server.probes.checked_record import CheckedRecord
from telemetry_server.probes.glean_check import is_glean
from telemetry_server.probes.glean_record import CheckedGleanPing
from telemetry_server.probes.glean_registry import GleanApplications
from telemetry_server.probes.record_check import CheckedPing
from telemetry_server.probes.stores import NO_STORES, TELEMETRY, Stores


class Stamps(Protocol):
    """Says whether the origins of definitions are still the same."""

    def of(self, origin: str) -> str:
        """Return a text that changes with *origin*."""

    def is_same(self, origin: str, stamp: str) -> bool:
        """Return whether sums made with *origin* at this *stamp* are still valid."""


class NoStamps:
    """Stamps for checks whose sums are not kept."""

    def of(self, origin: str) -> str:
        """Return an empty text."""
        del origin
        return ""

    def is_same(self, origin: str, stamp: str) -> bool:
        """Return False."""
        del origin, stamp
        return False


@dataclass(frozen=True, slots=True)
class ProbeChecks:
    """Stores and sources of definitions for checks of pings."""

    revisions: Resolves
    stores: Stores = NO_STORES
    applications: GleanApplications = field(default_factory=lambda: GleanApplications(None))
    stamps: Stamps = field(default_factory=NoStamps)


def checked_record(record: dict[str, Any], checks: ProbeChecks) -> CheckedRecord | None:
    """Return *record* with what it is held against; None if its doctype has no store."""
    metadata = record["metadata"]
    policy = checks.stores.policy_of(metadata["namespace"], metadata["doctype"])
    if policy is None:
        return None
    if metadata["namespace"] != TELEMETRY and is_glean(record):
        return CheckedGleanPing(record, policy, checks.applications)
    return CheckedPing(record, policy, checks.revisions)
