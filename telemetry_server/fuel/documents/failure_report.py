"""
Judges a failure report: what is stored of it, and its contact.

Of a report without a whole contact nothing is kept: its installation has not asked to be called.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

import orjson

from telemetry_server.fuel.documents.checking import Checker
from telemetry_server.fuel.documents.failure_schema import (
    CONTACT,
    NEEDED_OF_CONTACT,
    OTHERS_OF_CONTACT,
    WITHOUT_CONTACT,
)
from telemetry_server.fuel.documents.judging import BadItem, clean, plain_uid
from telemetry_server.fuel.documents.private_values import Leak
from telemetry_server.fuel.documents.redaction import redacted_text
from telemetry_server.fuel.documents.user_information import printable
from telemetry_server.fuel.documents.values import moment_of, storable
from telemetry_server.pings.json_text import json_of


class NoContact(Exception):
    """The contact is missing or not whole; the text says what of it."""


@dataclass(frozen=True, slots=True)
class FailureReport:
    """A failure that support is to hear of.  Its contact is personal: it is sealed before it is stored."""

    report_id: str  # in lower case
    master_node_uid: str
    cluster_id: int | None
    operation: str | None
    external_id: int | None
    occurred_at: datetime | None
    failure_group: str  # the same for identical failures of one environment
    body: str  # JSON of error and environment
    contact: bytes  # JSON


def judged_failure(report: Any, leaks: Counter[Leak]) -> FailureReport:
    """
    Return a failure report as it is stored.

    Raises:
        NoContact: As named.
        BadItem: It does not fit its schema otherwise, or cannot be stored.
    """
    if not isinstance(report, dict):
        raise BadItem("failure_report: must be an object")
    contact: Any = report.get("contact")
    problem = _contact_checker().problem(contact)
    if problem is not None:
        raise NoContact(f"failure_report.contact: {problem}")
    plain = _plain_contact(contact)
    missing = next((name for name in NEEDED_OF_CONTACT if plain[name] is None), None)
    if missing is not None:
        raise NoContact(f"failure_report.contact: {missing}: has no printable character")
    problem = storable(report) or _report_checker().problem(report)
    if problem is not None:
        raise BadItem(f"failure_report: {problem}")
    occurred_at = moment_of(report.get("occurred_at"))
    if report.get("occurred_at") is not None and occurred_at is None:
        raise BadItem("failure_report: occurred_at: must be a time stamp like 2026-03-04T11:22:33Z")
    uid = plain_uid(report["master_node_uid"])
    operation = report.get("operation")
    error = clean(report["error"], leaks)
    body = {"error": error, "environment": clean(report.get("environment") or {}, leaks)}
    return FailureReport(
        report["report_id"].lower(),
        uid,
        report.get("cluster_id"),
        None if operation is None else redacted_text(operation, leaks, field="operation"),
        report.get("external_id"),
        occurred_at,
        _group(uid, report.get("cluster_id"), error),
        json_of(body).decode(),
        orjson.dumps(plain),
    )


def refused_report(report: Any) -> Any:
    """Return *report* without its contact, to be kept with the reason for which it was refused."""
    if not isinstance(report, dict):
        return report
    return {name: value for name, value in report.items() if name != "contact"}


def _group(uid: str, cluster_id: int | None, error: dict[str, Any]) -> str:
    # Numbers of any length may be in it, which orjson does not write.
    return sha256(json.dumps([uid, cluster_id, error], sort_keys=True).encode()).hexdigest()


def _plain_contact(contact: dict[str, Any]) -> dict[str, str | None]:
    """Return the known names of *contact*, each on one line of printable characters."""
    return {name: printable(contact.get(name)) for name in (*NEEDED_OF_CONTACT, *OTHERS_OF_CONTACT)}


@cache
def _contact_checker() -> Checker:
    return Checker(CONTACT)


@cache
def _report_checker() -> Checker:
    return Checker(WITHOUT_CONTACT)
