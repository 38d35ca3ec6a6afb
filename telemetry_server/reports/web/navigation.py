"""The links on every page: one entry a page, in their order; those that the visitor may open are shown."""

from dataclasses import dataclass

from telemetry_server.access.roles import Right
from telemetry_server.reports.visitor import Visitor


@dataclass(frozen=True, slots=True)
class Entry:
    """One link."""

    section: str  # that its pages name
    address: str
    words: str
    right: Right = Right.AGGREGATES


NAVIGATION = (
    Entry("overview", "/", "Overview"),
    Entry("pings", "/pings", "Pings"),
    Entry("clients", "/clients", "Clients"),
    Entry("probes", "/probes", "Probes"),
    Entry("normandy", "/normandy", "Normandy"),
    Entry("api", "/api/openapi.json", "API"),
)


def navigation_of(visitor: Visitor) -> tuple[Entry, ...]:
    """Return the links that *visitor* may open."""
    return tuple(entry for entry in NAVIGATION if visitor.may(entry.right))
