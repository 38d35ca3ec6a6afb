"""The uptake reports in a stored record: one row an occurrence, from all three carriers."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from telemetry_server.normandy.vocabulary import (
    HISTOGRAM_BUCKETS,
    HISTOGRAM_WORDS,
    parse_source,
    read_status,
)
from telemetry_server.records.events import Event
from telemetry_server.records.histograms import HistogramRow

IN_HISTOGRAM, IN_EVENT, IN_GLEAN = "histogram", "event", "glean"
CARRIERS = (IN_HISTOGRAM, IN_EVENT, IN_GLEAN)
"""The same report may come by each of them, so their numbers are never added."""

CATEGORY, METHOD = "uptake.remotecontent.result", "uptake"
_GLEAN_CATEGORIES = frozenset({CATEGORY, CATEGORY.replace(".", "_")})
_GLEAN_NAME = "uptake_"
CATEGORIES = _GLEAN_CATEGORIES
CATEGORICAL = "categorical"
_NUMBER = re.compile(r"[0-9]{1,15}")


class UptakeRow(NamedTuple):
    """One row of the table ``uptake``, without the columns of its ping."""

    process: str  # '' for Glean
    carrier: str
    component: str
    source: str  # as sent
    kind: str
    name: str
    word: str | None  # None where a histogram's bucket has no label
    names: tuple[str, ...]
    n: int  # more than 1 only in histograms
    age_seconds: int | None
    duration_ms: int | None
    timestamp_ms: int | None
    anomalies: tuple[str, ...]


def uptake_of_histogram(row: HistogramRow) -> Iterator[UptakeRow]:
    """Yield a row for each bucket of *row* that is not empty; its label is the source."""
    source = parse_source(row.label)
    is_odd = row.shape.kind != CATEGORICAL or len(row.shape.starts) != HISTOGRAM_BUCKETS
    shape = ("histogram_shape",) if is_odd else ()
    labels = row.shape.labels or HISTOGRAM_WORDS
    for index, count in zip(row.starts, row.counts, strict=True):
        if index < len(labels):
            status = read_status(source.kind, labels[index])
            word, names, found = status.word, status.names, status.anomalies
        else:
            word, names, found = None, (), ("label_index_unknown",)
        yield UptakeRow(
            row.process,
            IN_HISTOGRAM,
            source.component,
            row.label,
            source.kind,
            source.name,
            word,
            names,
            count,
            None,
            None,
            None,
            (*shape, *source.anomalies, *found),
        )


def uptake_of_events(events: Iterable[Event], *, is_glean: bool) -> Iterator[UptakeRow]:
    """Yield a row for each of *events* that reports uptake."""
    for event in events:
        if is_glean:
            if event.category in _GLEAN_CATEGORIES and event.method.startswith(_GLEAN_NAME):
                component = event.method.removeprefix(_GLEAN_NAME)
                yield _row(event, IN_GLEAN, component, _extra(event).get("value"))
        elif event.category == CATEGORY and event.method == METHOD:
            yield _row(event, IN_EVENT, event.object or "", event.value)


def _extra(event: Event) -> Mapping[str, Any]:
    return event.extra if isinstance(event.extra, Mapping) else {}


def _row(event: Event, carrier: str, component: str, word: Any) -> UptakeRow:
    extra = _extra(event)
    text = extra.get("source")
    if isinstance(text, str) and text:
        source = parse_source(text)
        found, component = source.anomalies, source.component
        kind, name = source.kind, source.name
    else:
        text, kind, name, found = "", "unparsed", "", ("missing_source",)
    status = read_status(kind, word if isinstance(word, str) else "")
    age, bad_age = _number(extra.get("age"))
    duration, bad_duration = _number(extra.get("duration"))
    bad = ("bad_number",) * (bad_age + bad_duration)
    return UptakeRow(
        event.process,
        carrier,
        component.lower(),
        text,
        kind,
        name,
        status.word,
        status.names,
        1,
        age,
        duration,
        event.timestamp_ms,
        (*found, *status.anomalies, *bad),
    )


def _number(text: Any) -> tuple[int | None, bool]:
    """Return the number in *text*, and whether there is a text that is not a number."""
    if text is None:
        return None, False
    if isinstance(text, str) and _NUMBER.fullmatch(text):
        return int(text), False
    return None, True
