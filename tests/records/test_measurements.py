"""The rows of a record in the tables ``histograms``, ``scalars`` and ``events``."""

from array import array

import orjson
import pytest

from histogram_specs.spec_file import parse_spec_file
from storage.tables.rows import BOOLEAN, NO_SUM, NUMBER, TEXT
from telemetry_server.records import record_text
from telemetry_server.records.events import EventRow, event_row, events_of
from telemetry_server.records.sections import sections_of
from telemetry_server.records.shapes import Shape, shape_id
from telemetry_server.tables import row_collector
from telemetry_server.tables.row_collector import RowCollector
from tests.records.test_fields import a_record

SHAPE = Shape("linear", (0, 10, 20))
ROW = [4, 0, 2, 55, -1, -1, -1, -1]
LINEAR = {
    "kind": "linear",
    "low": 10,
    "high": 20,
    "n_buckets": 3,
    "description": "x",
    "expires_in_version": "never",
}
SPEC_FILE = parse_spec_file(orjson.dumps({"A": LINEAR, "K": LINEAR | {"keyed": True}}))
EMPTY = [0, 0, 0, -1, -1, -1, -1, -1]
INFO = {"revision": "https://hg.mozilla.org/mozilla-central/rev/0123456789ab"}


class OneSpecFile:
    """A finder that returns the same spec file for every revision."""

    def spec_file_of(self, revision: str):
        return SPEC_FILE


@pytest.fixture(params=["compiled", "plain"])
def rows(request, monkeypatch):
    """Return a function for the histogram rows of a record, by the compiled walk and by a full parse."""
    if request.param == "plain":
        monkeypatch.setattr(row_collector, "open_record", orjson.loads)
    monkeypatch.setattr(record_text, "MIN_SPLIT_BYTES", 0)

    def rows_of(record) -> list[tuple]:
        found = RowCollector(OneSpecFile())
        found.add(orjson.dumps(record))
        return list(histograms_in(found.rows))

    return rows_of


def histograms_in(rows):
    """Yield metric, process, label, starts, counts and sum of each histogram."""
    held, at = rows.histograms, 0
    starts, counts = array("i", bytes(held.starts)), array("i", bytes(held.counts))
    starts, counts = ([held.large[-1 - n] if n < 0 else n for n in numbers] for numbers in (starts, counts))
    names = zip(held.keys, held.processes, held.labels, held.lengths, held.sums, strict=True)
    for key, process, label, length, total in names:
        buckets = tuple(starts[at : at + length]), tuple(counts[at : at + length])
        at += length
        metric = held.shape_keys[key][0]
        yield metric, held.words[process], held.words[label], *buckets, None if total == NO_SUM else total


def scalars_in(rows):
    """Yield metric, process, label, kind, and the value as a number, a text or a boolean."""
    held = rows.scalars
    for key, kind, value in zip(held.keys, held.kinds, held.values, strict=True):
        text = held.words[int(value)] if kind == TEXT else None
        yield (
            *held.scalar_keys[key],
            value if kind == NUMBER else None,
            text,
            bool(value) if kind == BOOLEAN else None,
        )


def test_the_revision_that_the_server_chose_goes_before_the_one_sent():
    """Where a build's own revision has no definitions, the record names those that it was packed by."""
    chosen = "https://hg.mozilla.org/mozilla-central/rev/fedcba987654"

    class OnlyTheChosen:
        def spec_file_of(self, revision: str):
            return SPEC_FILE if revision == chosen else None

    record = a_record(info=INFO, histograms={"A": ROW})
    record["metadata"] |= {"revision": chosen, "revision_source": "build_date"}
    found = RowCollector(OnlyTheChosen())
    found.add(orjson.dumps(record))

    assert list(histograms_in(found.rows)) == [("A", "parent", "", (0, 20), (4, 2), 55)]


SECTION = {"histograms": {"A": ROW}, "keyedHistograms": {"K": {"key": ROW}}}
FILLED = ((0, 20), (4, 2), 55)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (a_record(info=INFO, **SECTION), [("A", "parent", "", *FILLED), ("K", "parent", "key", *FILLED)]),
        (
            a_record(payload={"info": INFO, "processes": {"gpu": SECTION}}),
            [("A", "gpu", "", *FILLED), ("K", "gpu", "key", *FILLED)],
        ),
        (
            a_record(info=INFO, childPayloads=[{"histograms": {"A": ROW}}]),
            [("A", "content", "", *FILLED)],
        ),
        (
            a_record(info=INFO, histograms={"A": EMPTY}),
            [("A", "parent", "", (), (), None)],
        ),
        (
            a_record(info=INFO, histograms={"A": [1, 0, 0, 1.5, 0, 0, 0, 0]}),
            [("A", "parent", "", (0,), (1,), None)],
        ),
        (a_record(info=INFO, histograms={"UNDEFINED": ROW}), []),
        (a_record(info=INFO, histograms={"A": [1, 2]}), []),
        (a_record(info=INFO, histograms={"A": ["1", 0, 0, -1, -1, -1, -1, -1]}), []),
        (a_record(info=INFO, histograms={"A": [-1, 0, 0, -1, -1, -1, -1, -1]}), []),
        (a_record(info=INFO, histograms=[ROW]), []),
    ],
)
def test_histogram_rows_hold_the_non_empty_buckets(rows, record, expected):
    """Every section of a Firefox ping is read; rows with invalid numbers are left out."""
    assert rows(record) == expected


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (
            {"timing_distribution": {"page.load": {"sum": 9, "values": {"3": 1, "1": 2, "7": 0}}}},
            [("page.load", "", "", (1, 3), (2, 1), 9)],
        ),
        (
            {"labeled_memory_distribution": {"heap": {"gpu": {"sum": 4, "values": {"4": 1}}}}},
            [("heap", "", "gpu", (4,), (1,), 4)],
        ),
        ({"custom_distribution": {"odd": {"values": {"x": 1}}}}, []),
        ({"custom_distribution": {"odd": {"values": {"99999999999999999999": 1}}}}, []),
        ({"custom_distribution": {"odd": {"values": {"1": 1, "01": 2}}}}, []),
        ({"custom_distribution": {"odd": {"values": {"1_0": 1}}}}, []),
        (
            {"custom_distribution": {"low": {"values": {"-5": 1, "0": 2}}}},
            [("low", "", "", (-5, 0), (1, 2), None)],
        ),
        ({"timing_distribution": {"odd": 5}, "counter": {"c": 1}}, []),
    ],
)
def test_glean_distributions_give_histogram_rows_without_a_process(rows, metrics, expected):
    """Clients send bucket starts, so no definition is needed."""
    assert rows(a_record("app", "metrics", metrics=metrics)) == expected


def test_histograms_that_must_not_be_added_have_different_shape_ids():
    """Kind, starts, labels, and the metric of a custom distribution are all part of the id."""
    shapes = [
        SHAPE,
        Shape("exponential", SHAPE.starts),
        Shape("linear", (0, 10, 21)),
        Shape("linear", SHAPE.starts, ("a", "b")),
        Shape("linear", SHAPE.starts, metric="m"),
    ]

    assert len({shape_id(shape) for shape in shapes}) == len(shapes)
    assert shape_id(SHAPE) == "5593ba07a81990fa"


SCALARS = {"scalars": {"a.count": 3, "a.flag": True, "a.name": "x"}, "keyedScalars": {"k.count": {"one": 1}}}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            a_record(payload={"processes": {"parent": SCALARS}}),
            [
                ("a.count", "parent", "", "scalar", 3.0, None, None),
                ("a.flag", "parent", "", "scalar", None, None, True),
                ("a.name", "parent", "", "scalar", None, "x", None),
                ("k.count", "parent", "one", "scalar", 1.0, None, None),
            ],
        ),
        (
            # A snapshot of a store has an object for each process.
            a_record(
                payload={"scalars": {"gpu": {"a": 3}}, "keyedScalars": {"gpu": {"k": {"one": 1}}, "x": 4}}
            ),
            [
                ("a", "gpu", "", "scalar", 3.0, None, None),
                ("k", "gpu", "one", "scalar", 1.0, None, None),
            ],
        ),
        (a_record(payload={"processes": {"gpu": {"scalars": {"a": {"b": 3}}}}}), []),
        (
            a_record(simpleMeasurements={"uptime": 5, "js": {"setProto": 1}, "list": [1]}),
            [
                ("simpleMeasurements.uptime", "parent", "", "simple_measurement", 5.0, None, None),
                ("simpleMeasurements.js.setProto", "parent", "", "simple_measurement", 1.0, None, None),
            ],
        ),
        (
            a_record(
                "app",
                "metrics",
                metrics={
                    "counter": {"c": 2},
                    "timespan": {"t": {"time_unit": "millisecond", "value": 7}},
                    "rate": {"r": {"numerator": 1, "denominator": 3}},
                    "labeled_counter": {"l": {"x": 1}},
                    "dual_labeled_counter": {"d": {"k": {"c": 1}}},
                    "timing_distribution": {"page.load": {"values": {}}},
                },
            ),
            [
                ("c", "", "", "counter", 2.0, None, None),
                ("t", "", "", "timespan", 7.0, None, None),
                ("r", "", "", "rate", None, '{"denominator":3,"numerator":1}', None),
                ("l", "", "x", "labeled_counter", 1.0, None, None),
                ("d", "", "k/c", "dual_labeled_counter", 1.0, None, None),
            ],
        ),
        (a_record(payload={"processes": {"parent": {"scalars": 4, "keyedScalars": {"k": 5}}}}), []),
    ],
)
def test_scalar_rows_have_one_value_each(record, expected):
    """The value is a number, a text or a boolean; Glean objects are JSON text."""
    found = RowCollector(OneSpecFile())
    found.add(orjson.dumps(record))

    assert list(scalars_in(found.rows)) == expected


FIREFOX_EVENT = [12, "normandy", "enroll", "preference_study", "slug", {"branch": "a", "count": 2}]
EVENT_ROW = EventRow(
    "parent", 12, "normandy", "enroll", "preference_study", "slug", (("branch", "a"), ("count", "2"))
)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (a_record(payload={"processes": {"parent": {"events": [FIREFOX_EVENT]}}}), [EVENT_ROW]),
        (a_record(doctype="event", payload={"events": {"parent": [FIREFOX_EVENT]}}), [EVENT_ROW]),
        (
            a_record(payload={"processes": {"content": {"events": [[1, "c", "m", "o"]]}}}),
            [EventRow("content", 1, "c", "m", "o", None, ())],
        ),
        (
            a_record(
                "app",
                "events",
                events=[{"timestamp": 0, "category": "ui", "name": "click", "extra": {"id": "b"}}],
            ),
            [EventRow("", 0, "ui", "click", None, None, (("id", "b"),))],
        ),
        (a_record(payload={"processes": {"parent": {"events": [[1], "x", [1, 2, 3, 4], None]}}}), []),
        (a_record("app", "events", events=[1, {"name": "n"}, None]), []),
        (a_record("app", "events", events={"not": "a list"}), []),
    ],
)
def test_firefox_and_glean_events_give_event_rows(record, expected):
    """Malformed entries are left out."""
    assert [event_row(event) for event in events_of(record, sections_of(record))] == expected
