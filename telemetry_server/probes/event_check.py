"""Holds the event records of one section of a ping against the grammar and their definitions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from telemetry_server.probes.event_file import (
    MAX_CATEGORY_CHARACTERS,
    MAX_EXTRA_KEY_CHARACTERS,
    MAX_EXTRA_KEYS,
    MAX_METHOD_CHARACTERS,
    MAX_OBJECT_CHARACTERS,
)
from telemetry_server.probes.expectation import Expectations, wrong_process
from telemetry_server.probes.fields import shown
from telemetry_server.probes.marks import Mark, MarkName
from telemetry_server.probes.processes import DYNAMIC, is_allowed, known_sections

MAX_RECORDS = 1000
MAX_VALUE_BYTES = 80
# A longer value may have lost a character of up to four bytes.
MIN_TRUNCATED_BYTES = 77
# A text of fewer characters has fewer bytes than that.
SURELY_SHORT = MIN_TRUNCATED_BYTES // 4
MAX_TIMESTAMP_MS = 10 * 366 * 24 * 3600 * 1000
MIN_PARTS, MAX_PARTS = 4, 6
# Reasons of event pings that may have lost events.
LOSING_REASONS = ("max", "shutdown")
# The union of what the documents and Firefox's own parser accept.
_IDENTIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)


def event_marks(process: str, records: Sequence[Any], expectations: Expectations | None) -> Iterator[Mark]:
    """
    Yield a mark for each thing that an event record in the section of *process* breaks.

    Args:
        expectations: None where the definitions are not known: only the grammar is checked.
    """
    sections = known_sections(()) if expectations is None else expectations.registry.sections
    if process not in sections:
        yield Mark(MarkName.UNKNOWN_PROCESS, f"{shown(process)} is not a section", None, process)
        return
    if len(records) > MAX_RECORDS:
        detail = f"{len(records)} records; a client sends at most {MAX_RECORDS} a process"
        yield Mark(MarkName.TOO_MANY_RECORDS, detail, None, process)
    clean = {} if expectations is None else expectations.clean_events(process)
    for record in records:
        if _is_clean(record, clean):
            continue
        if not _is_record(record):
            yield Mark(MarkName.TUPLE_SHAPE, f"{shown(record)} is not an event record", None, process)
            continue
        metric = ".".join(record[1:4])
        for name, detail in _faults(process, record, expectations):
            yield Mark(name, detail, metric, process)


def loss_marks(payload: Mapping[str, Any]) -> Iterator[Mark]:
    """Yield the mark of an event ping that lost events for no reason that loses any."""
    lost, reason = payload.get("lostEventsCount"), payload.get("reason")
    if type(lost) is int and lost > 0 and reason not in LOSING_REASONS:
        detail = f"{lost} events were lost, and the reason is {shown(reason)}"
        yield Mark(MarkName.LOST_REASON_MISMATCH, detail)


def _is_clean(record: Any, clean: Mapping[tuple[str, str, str], frozenset[str]]) -> bool:
    """Whether nothing is wrong with *record*, as with most; False where `_faults` must decide."""
    try:
        timestamp, category, method, object_, value, extra = record
        extra_keys = clean[category, method, object_]
    except (ValueError, TypeError, KeyError):  # it is shorter, not a list, or not defined
        return False
    if timestamp.__class__ is not int or not 0 <= timestamp <= MAX_TIMESTAMP_MS:
        return False
    if extra.__class__ is not dict or (value is not None and not _is_short(value)):
        return False
    for key, text in extra.items():
        if key not in extra_keys or text.__class__ is not str or len(text) >= SURELY_SHORT:
            return False
    return len(extra) <= MAX_EXTRA_KEYS


def _is_short(value: Any) -> bool:
    return value.__class__ is str and len(value) < SURELY_SHORT


def _is_record(record: Any) -> bool:
    return (
        isinstance(record, list)
        and MIN_PARTS <= len(record) <= MAX_PARTS
        and all(isinstance(part, str) for part in record[1:4])
        and (len(record) == MIN_PARTS or record[4] is None or isinstance(record[4], str))
        and (len(record) < MAX_PARTS or record[5] is None or isinstance(record[5], dict))
    )


def _faults(
    process: str, record: list[Any], expectations: Expectations | None
) -> Iterator[tuple[MarkName, str]]:
    timestamp, category, method, object_, value, extra = (*record, None, None)[:MAX_PARTS]
    if type(timestamp) is not int or not 0 <= timestamp <= MAX_TIMESTAMP_MS:
        yield MarkName.BAD_TIMESTAMP, f"{shown(timestamp)} is not a number of milliseconds"
    for what, text, most in (
        ("category", category, MAX_CATEGORY_CHARACTERS),
        ("method", method, MAX_METHOD_CHARACTERS),
        ("object", object_, MAX_OBJECT_CHARACTERS),
    ):
        if len(text.encode()) > most:
            yield MarkName.OVER_LIMIT, f"the {what} has more than {most} bytes"
        if not _IDENTIFIER.fullmatch(text):
            yield MarkName.IDENTIFIER, f"{shown(text)} is not a name of a {what}"
    yield from _text_faults("the value", value)
    yield from _extra_faults(extra or {})
    if process == DYNAMIC or expectations is None or not expectations.has_events:
        return
    expected = expectations.event(category, method, object_)
    if expected is None:
        yield MarkName.UNKNOWN_METRIC, "no definition has this category, method and object"
        return
    yield from expected.faults
    if not is_allowed(expected.definition.processes, process):
        yield wrong_process(expected.definition.processes, process)
    for key in extra or {}:
        if key not in expected.extra_keys:
            yield MarkName.EXTRA_KEY_UNKNOWN, f"the extra key {shown(key)} is not defined"


def _extra_faults(extra: dict[str, Any]) -> Iterator[tuple[MarkName, str]]:
    if len(extra) > MAX_EXTRA_KEYS:
        yield MarkName.OVER_LIMIT, f"{len(extra)} extra keys; at most {MAX_EXTRA_KEYS}"
    for key, value in extra.items():
        if len(key.encode()) > MAX_EXTRA_KEY_CHARACTERS:
            yield MarkName.EXTRA_KEY_TOO_LONG, f"the extra key {shown(key)} has more than 15 bytes"
        if isinstance(value, str):
            yield from _text_faults(f"the extra value of {shown(key)}", value)
        else:
            yield MarkName.EXTRA_NOT_STRING, f"the extra value of {shown(key)} is {shown(value)}"


def _text_faults(what: str, text: str | None) -> Iterator[tuple[MarkName, str]]:
    size = 0 if text is None or len(text) * 4 < MIN_TRUNCATED_BYTES else len(text.encode())
    if size > MAX_VALUE_BYTES:
        yield MarkName.OVER_LIMIT, f"{what} has {size} bytes; at most {MAX_VALUE_BYTES}"
    elif size >= MIN_TRUNCATED_BYTES:
        yield MarkName.MAYBE_TRUNCATED, f"{what} has {size} bytes: it may have been cut"
