"""The events of a stored record: Firefox's event arrays and Glean's event objects."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from telemetry_server.pings.submit_path import TELEMETRY
from telemetry_server.records.fields import Record, as_object, object_at
from telemetry_server.records.sections import Section

MIN_EVENT_PARTS = 4
MAX_TIMESTAMP_MS = 2**63 - 1


class EventRow(NamedTuple):
    """One row of the table ``events``."""

    process: str  # '' for Glean
    timestamp_ms: int | None  # since the process or the ping began, as sent
    category: str
    method: str  # Glean: the event's name
    object: str | None
    value: str | None
    extra: tuple[tuple[str, str], ...]


class Event(NamedTuple):
    """One event as sent."""

    process: str  # '' for Glean
    timestamp_ms: int | None  # None where the client sent no integer
    category: str
    method: str  # Glean: the event's name
    object: str | None  # None for Glean
    value: Any
    extra: Any  # an object, or whatever the client sent in its place


def events_of(record: Record, sections: Iterable[Section]) -> Iterator[Event]:
    """Yield every event of *record* and its *sections* that has the form of its kind; others are left out."""
    if object_at(record, "metadata").get("namespace") != TELEMETRY:
        yield from _glean_events(record.get("events"))
        return
    for section in sections:
        if "events" not in section.content:
            continue
        events = section.content["events"]
        if isinstance(events, list):
            yield from _event_arrays(section.process, events)
        elif isinstance(events, dict):
            # An event ping has one list for each process.
            for process, of_process in events.items():
                if isinstance(of_process, list):
                    yield from _event_arrays(process, of_process)


def event_row(event: Event) -> EventRow:
    """Return the row of *event* in the table ``events``: values that are not texts become JSON text."""
    return EventRow(*event[:5], _text(event.value), _extra(event.extra))


def _event_arrays(process: str, events: list[Any]) -> Iterator[Event]:
    """Yield the events in the form ``[timestamp, category, method, object, value?, extra?]``."""
    for event in events:
        if not isinstance(event, list) or len(event) < MIN_EVENT_PARTS:
            continue
        timestamp, category, method, object_, value, extra = (*event, None, None)[:6]
        if all(isinstance(word, str) for word in (category, method, object_)):
            yield Event(process, _integer(timestamp), category, method, object_, value, extra)


def _glean_events(events: Any) -> Iterator[Event]:
    for event in events if isinstance(events, list) else ():
        category, name = as_object(event).get("category"), as_object(event).get("name")
        if isinstance(category, str) and isinstance(name, str):
            timestamp = _integer(event.get("timestamp"))
            yield Event("", timestamp, category, name, None, None, event.get("extra"))


def _extra(extra: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(extra, Mapping):
        return ()
    return tuple((key, text) for key, value in extra.items() if (text := _text(value)) is not None)


def _integer(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and abs(value) <= MAX_TIMESTAMP_MS else None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
