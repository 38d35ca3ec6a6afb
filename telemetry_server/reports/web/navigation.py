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
    Entry("quarantine", "/quarantine", "Quarantine"),
    Entry("clients", "/clients", "Clients"),
    Entry("probes", "/probes", "Probes"),
    Entry("drift", "/drift", "Drift"),
    Entry("stores", "/stores", "Stores"),
    Entry("normandy", "/normandy", "Normandy"),
    Entry("fuel", "/fuel", "Fuel"),
    Entry("collected", "/collected", "Collected"),
    Entry("sql", "/sql", "SQL", Right.RECORDS),
    Entry("users", "/users", "Users", Right.USERS),
    Entry("api", "/api/openapi.json", "API"),
)


def navigation_of(visitor: Visitor, *, has_fuel: bool) -> tuple[Entry, ...]:
    """Return the links that *visitor* may open; Fuel's where there is something of Fuel-stat to show."""
    entries = (entry for entry in NAVIGATION if has_fuel or entry.section != "fuel")
    return tuple(entry for entry in entries if visitor.may(entry.right))
