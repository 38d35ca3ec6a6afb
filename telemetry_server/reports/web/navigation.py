"""The sections that every page links to: those that the visitor's role may open."""

from dataclasses import dataclass

from telemetry_server.access.roles import Right
from telemetry_server.reports.visitor import Visitor


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the navigation."""

    name: str  # what a template calls it in `section`
    title: str
    address: str
    right: Right = Right.AGGREGATES


SECTIONS = (
    Section("overview", "Overview", "/"),
    Section("pings", "Pings", "/pings"),
    Section("quarantine", "Quarantine", "/quarantine"),
    Section("drift", "Drift", "/drift"),
    Section("stores", "Stores", "/stores"),
    Section("normandy", "Normandy", "/normandy"),
    Section("sql", "SQL", "/sql", Right.RECORDS),
    Section("users", "Users", "/users", Right.USERS),
)


def sections_of(visitor: Visitor) -> list[Section]:
    """Return what *visitor* may open."""
    return [section for section in SECTIONS if visitor.may(section.right)]
