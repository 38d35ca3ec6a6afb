"""The enrolment events in a stored record: studies, rollouts and experiments entered or left."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from telemetry_server.normandy.grammar import (
    CATEGORY,
    EXPERIMENT_TYPES,
    LATER,
    NIMBUS_EXPERIMENT,
    OBJECTS,
    REASON_ALIASES,
    SEED,
    UNKNOWN_REASON,
    is_for_method,
    keys_of,
    knows_reason,
)
from telemetry_server.normandy.uptake import IN_EVENT, IN_GLEAN
from telemetry_server.pings.client_identity import uuid_text
from telemetry_server.records.events import Event

BOOLEANS = {"true": True, "false": False}
MAX_KEY_BYTES = 15
MAX_TEXT_BYTES = 80
TRUNCATED_FROM_BYTES = 77  # a cut text ends at a code point, which has up to 4 bytes
MAX_EXTRA_KEYS = 10
LONG_KEYS: Mapping[str, str] = {"preferenceBranch": "prefBranch"}
"""A key of the documents that is longer than clients allow, to the key that they send."""

_EPOCH = datetime(1970, 1, 1)  # times in the tables are UTC without a zone
MAX_MOMENT_MS = 253_402_300_799_999  # the end of the year 9999

# Glean's names are the method and the object in snake case.
_GLEAN_METHODS = {
    "_".join(part.lower() for part in re.findall(r"[A-Z]?[a-z]+", method)): method
    for method in OBJECTS[LATER]
}
_GLEAN_KEYS = {
    "addon_id": "addonId",
    "addon_version": "addonVersion",
    "changed_pref": "changedPref",
    "conflicting_slug": "conflictingSlug",
    "did_reset_value": "didResetValue",
    "enrollment_id": "enrollmentId",
    "experiment_type": "experimentType",
    "original_reason": "originalReason",
    "pref_branch": "prefBranch",
    "pref_name": "prefName",
    "pref_type": "prefType",
    "preference_name": "preferenceName",
    "previous_state": "previousState",
}


class EnrollmentRow(NamedTuple):
    """One row of the table ``enrollments``, without the columns of its ping."""

    process: str  # '' for Glean
    carrier: str
    era: str  # the first one whose grammar the event fits, else "later"
    timestamp_ms: int | None
    event_time: datetime | None  # UTC; of classic events within a minute
    method: str
    object: str
    value: str | None
    branch: str | None
    reason: str | None
    experiment_type: str | None
    did_reset_value: bool | None
    addon_id: str | None
    addon_version: str | None
    enrollment_id: str | None  # None where the client sent no UUID
    extra: tuple[tuple[str, str], ...]
    anomalies: tuple[str, ...]


def enrollments_of_events(
    events: Iterable[Event], *, process_start_ms: int | None, is_glean: bool
) -> Iterator[EnrollmentRow]:
    """
    Yield a row for each of *events* that is about an enrolment.

    Args:
        process_start_ms: Start of the main process, from which classic events count; None if not sent.
    """
    for event in events:
        if event.category != CATEGORY:
            continue
        if not is_glean:
            names = event.method, event.object or ""
            yield _row(event, names, event.value, event.extra, process_start_ms)
        elif (glean_names := _glean_names(event.method)) is not None:
            extra = event.extra if isinstance(event.extra, Mapping) else {}
            extra = {_GLEAN_KEYS.get(key, key): value for key, value in extra.items()}
            yield _row(event, glean_names, extra.get("value"), extra, None)


def _glean_names(name: str) -> tuple[str, str] | None:
    """Return method and object of *name*, such as ``enroll_failed_preference_study``."""
    for prefix in sorted(_GLEAN_METHODS, key=len, reverse=True):
        if name.startswith(f"{prefix}_"):
            return _GLEAN_METHODS[prefix], name.removeprefix(f"{prefix}_")
    return None


def _row(
    event: Event, names: tuple[str, str], value: Any, extra: Any, process_start_ms: int | None
) -> EnrollmentRow:
    method, object_ = names
    is_glean = event.object is None
    texts, anomalies = _texts_of(extra)
    reason = texts.get("reason")
    reason = REASON_ALIASES.get(reason, reason) if reason is not None else None
    # The row fits the first era whose grammar leaves nothing to mark.
    era = LATER
    found = grammar_anomalies(method, object_, texts, reason, LATER, is_glean=is_glean)
    if not grammar_anomalies(method, object_, texts, reason, SEED, is_glean=is_glean):
        era, found = SEED, []
    anomalies += found
    value = value if isinstance(value, str) else None
    if value is not None:
        anomalies += _length_anomalies([value])
    anomalies += _value_anomalies(object_, texts, reason)
    return EnrollmentRow(
        process=event.process,
        carrier=IN_GLEAN if is_glean else IN_EVENT,
        era=era,
        timestamp_ms=event.timestamp_ms,
        event_time=_event_time(event, texts, process_start_ms),
        method=method,
        object=object_,
        value=value,
        branch=texts.get("branch"),
        reason=reason,
        experiment_type=texts.get("experimentType"),
        did_reset_value=BOOLEANS.get(texts.get("didResetValue", "")),
        addon_id=texts.get("addonId"),
        addon_version=texts.get("addonVersion"),
        enrollment_id=uuid_text(texts.get("enrollmentId")),
        extra=tuple(texts.items()),
        anomalies=tuple(anomalies),
    )


def grammar_anomalies(
    method: str,
    object_: str,
    extra: Mapping[str, str],
    reason: str | None,
    era: str,
    *,
    is_glean: bool = False,
) -> list[str]:
    """Return how an event differs from the grammar of *era*."""
    if not is_for_method(method, object_, era):
        return ["object_not_for_method"]
    known = keys_of(method, object_, era, is_glean=is_glean)
    found = ["extra_key_unknown" for key in extra if key not in known]
    if reason is not None and not knows_reason(method, object_, reason, era):
        found.append("reason_unknown_value")
    return found


def _value_anomalies(object_: str, extra: Mapping[str, str], reason: str | None) -> list[str]:
    found = []
    if reason == UNKNOWN_REASON:
        found.append("reason_is_unknown")
    # Nimbus has types of its own, and adds to them.
    if object_ != NIMBUS_EXPERIMENT and extra.get("experimentType", "exp") not in EXPERIMENT_TYPES:
        found.append("experiment_type_unknown")
    if extra.get("didResetValue", "true") not in ("true", "false"):
        found.append("reset_not_boolean_text")
    if "enrollmentId" in extra and uuid_text(extra["enrollmentId"]) is None:
        found.append("enrollment_id_filler")
    return found


def _texts_of(extra: Any) -> tuple[dict[str, str], list[str]]:
    """Return the texts of *extra* by key, and what is wrong with it."""
    if extra is None:
        return {}, []
    if not isinstance(extra, Mapping):
        return {}, ["tuple_shape"]
    texts: dict[str, str] = {}
    anomalies = []
    if len(extra) > MAX_EXTRA_KEYS:
        anomalies.append("over_limit")
    for key, value in extra.items():
        if len(key.encode(errors="replace")) > MAX_KEY_BYTES and key not in ("glean_timestamp",):
            anomalies.append("extra_key_too_long")
        if isinstance(value, str):
            name = LONG_KEYS.get(key, key)
            texts[name] = value
        else:
            anomalies.append("extra_not_string")
    return texts, anomalies + _length_anomalies(texts.values())


def _length_anomalies(texts: Iterable[str]) -> list[str]:
    lengths = [len(text.encode(errors="replace")) for text in texts]
    found = []
    if any(length > MAX_TEXT_BYTES for length in lengths):
        found.append("over_limit")
    if any(TRUNCATED_FROM_BYTES <= length <= MAX_TEXT_BYTES for length in lengths):
        found.append("maybe_truncated")
    return found


def _event_time(event: Event, texts: Mapping[str, str], process_start_ms: int | None) -> datetime | None:
    exact = texts.get("glean_timestamp", "")
    if exact.isascii() and exact.isdigit():
        return _moment(int(exact))
    if process_start_ms is None or event.timestamp_ms is None:
        return None
    return _moment(process_start_ms + event.timestamp_ms)


def _moment(milliseconds: int) -> datetime | None:
    if not 0 <= milliseconds <= MAX_MOMENT_MS:
        return None
    return _EPOCH + timedelta(milliseconds=milliseconds)
