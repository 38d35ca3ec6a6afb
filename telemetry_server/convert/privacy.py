"""
Removes identities from pings of anonymous stores before anything is written.

Only raw/ keeps a submission as it was received.
"""

from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from storage.raw.submission import Submission
from telemetry_server.convert.metadata import ADDRESS_HEADERS
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.inflate import inflate
from telemetry_server.pings.json_text import json_of, parse_object
from telemetry_server.pings.submit_path import SubmitPath, parse_submit_path
from telemetry_server.probes.identity import (
    Identity,
    remove_identities,
    without_values,
    without_values_in,
)
from telemetry_server.probes.stores import Stores

# The time of a request to the second, in the client's own words.
_TIME_HEADERS = frozenset({"date"})


def without_identity(submission: Submission, stores: Stores) -> tuple[Submission, list[Identity]]:
    """
    Return *submission* as it may be written outside of raw/, and the identities that were removed.

    It is unchanged unless its store is anonymous.  If neither path nor body gives the doctype, the
    store may be anonymous, and the body is removed.
    """
    if not stores.has_anonymous:
        return submission, []
    path = _path_of(submission.path)
    ping = _ping_of(submission.body)
    if not _may_be_anonymous(path, ping, stores):
        return submission, []
    if ping is None:
        return _coarse(submission, [], b""), []
    identities = remove_identities(ping)
    return _coarse(submission, identities, json_of(without_values_in(ping, identities))), identities


def with_coarse_time(submission: Submission) -> Submission:
    """Return *submission* with its time of arrival cut to the day."""
    midnight = submission.received_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return replace(submission, received_at=midnight)


def with_unlinkable_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the kept *headers* of an anonymous ping, without addresses and times of requests."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower().replace("-", "_") not in ADDRESS_HEADERS | _TIME_HEADERS
    }


def _coarse(submission: Submission, identities: list[Identity], body: bytes) -> Submission:
    return replace(
        with_coarse_time(submission),
        path=_without_values_in_path(submission.path, identities),
        body=body,
        query="",
        headers={
            name: without_values(value, identities)
            for name, value in with_unlinkable_headers(dict(submission.headers)).items()
        },
        client_address=None,
    )


def _without_values_in_path(path: str, identities: list[Identity]) -> str:
    decoded = unquote(path)
    found = without_values(decoded, identities)
    return path if found == decoded else quote(found)


def _may_be_anonymous(path: SubmitPath | None, ping: dict[str, Any] | None, stores: Stores) -> bool:
    in_path = None if path is None else path.doctype
    in_ping = None if ping is None else _doctype_in(ping)
    if in_path is None and in_ping is None:
        return True
    for doctype in (in_path, in_ping):
        if doctype is None:
            continue
        if path is not None and stores.is_anonymous(path.namespace, doctype):
            return True
        if path is None and any(
            key[1] == doctype for key, policy in stores.policies.items() if policy.is_anonymous
        ):
            return True
    return False


def _doctype_in(ping: dict[str, Any]) -> str | None:
    info = ping.get("info")
    for name in (ping.get("type"), info.get("reason") if isinstance(info, dict) else None):
        if isinstance(name, str) and name:
            return name
    return None


def _path_of(path: str) -> SubmitPath | None:
    try:
        return parse_submit_path(path)
    except PingError:
        return None


def _ping_of(body: bytes) -> dict[str, Any] | None:
    try:
        return parse_object(inflate(body).data).value
    except PingError:
        return None
