"""All rows of uptake and enrolments that one stored record has."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from telemetry_server.convert.compiled.ping_text import HistogramsText
from telemetry_server.normandy import grammar, uptake
from telemetry_server.normandy.enrollments import EnrollmentRow, enrollments_of_events
from telemetry_server.normandy.uptake import UptakeRow, uptake_of_events, uptake_of_histogram
from telemetry_server.normandy.vocabulary import HISTOGRAM
from telemetry_server.pings.submit_path import TELEMETRY
from telemetry_server.records.definitions import RecordLayouts
from telemetry_server.records.events import Event
from telemetry_server.records.fields import Record, object_at
from telemetry_server.records.histograms import plain_rows_of
from telemetry_server.records.record_text import as_mapping
from telemetry_server.records.sections import Section

_CATEGORIES = uptake.CATEGORIES | {grammar.CATEGORY}
_HISTOGRAM_BYTES = HISTOGRAM.encode()


class NormandyRows(NamedTuple):
    """The rows of one record."""

    uptake: Sequence[UptakeRow]
    enrollments: Sequence[EnrollmentRow]


def normandy_rows_of(
    record: Record, sections: Iterable[Section], events: Sequence[Event], layouts: RecordLayouts
) -> NormandyRows:
    """Return the rows of *record*, which has *sections* and *events*."""
    found = list(_uptake_of_histograms(sections, layouts))
    ours = [event for event in events if event.category in _CATEGORIES]
    if not ours:
        return NormandyRows(found, ())
    is_glean = object_at(record, "metadata").get("namespace") != TELEMETRY
    found += uptake_of_events(ours, is_glean=is_glean)
    start = object_at(record, "payload").get("processStartTimestamp")
    start_ms = start if isinstance(start, int) and not isinstance(start, bool) else None
    return NormandyRows(
        found, list(enrollments_of_events(ours, process_start_ms=start_ms, is_glean=is_glean))
    )


def _uptake_of_histograms(sections: Iterable[Section], layouts: RecordLayouts) -> Iterator[UptakeRow]:
    for section in sections:
        if "keyedHistograms" not in section.content:
            continue
        histograms = section.content["keyedHistograms"]
        if isinstance(histograms, HistogramsText) and _HISTOGRAM_BYTES not in histograms.text:
            continue
        of_source = as_mapping(histograms).get(HISTOGRAM)
        of_section = None if of_source is None else layouts.of_section(section.place)
        if of_section is not None:
            for row in plain_rows_of(
                section.process, {HISTOGRAM: of_source}, of_section.shape, is_keyed=True
            ):
                yield from uptake_of_histogram(row)
