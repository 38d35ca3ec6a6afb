"""The compiled walk and a full parse give the same rows for every record."""

import gc
import weakref

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_server.convert.compiled.ping_text import IS_COMPILED
from telemetry_server.records import record_text
from telemetry_server.tables import row_collector
from telemetry_server.tables.row_collector import RowCollector
from tests.records.test_fields import a_record
from tests.records.test_measurements import INFO, OneSpecFile, histograms_in, scalars_in

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="built without a C compiler")


@pytest.fixture(autouse=True, scope="module")
def every_record_is_split():
    """Short ones too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_text, "MIN_SPLIT_BYTES", 0)
        yield


NUMBERS = st.one_of(
    st.integers(0, 9),
    st.integers(-(2**64), 2**65),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), -1, 0, 1.0, 0.5, -0.0, 1e300, 10**30]),
)
VALUES = st.one_of(NUMBERS, st.none(), st.booleans(), st.text(max_size=3), st.lists(NUMBERS, max_size=2))
# Rows of a linear histogram with three buckets, and values that resemble one.
ROWS = st.one_of(
    st.lists(st.integers(0, 2**40), min_size=8, max_size=8),
    st.lists(NUMBERS, min_size=8, max_size=8),
    st.lists(VALUES, min_size=6, max_size=10),
    VALUES,
    st.dictionaries(st.text(max_size=3), VALUES, max_size=2),
)
NAMES = st.one_of(st.sampled_from(["A", "K", "UNDEFINED", 'a"b', "\\", "é\n"]), st.text(max_size=4))
PLAIN = st.one_of(st.dictionaries(NAMES, ROWS, max_size=4), VALUES)
KEYED = st.one_of(
    st.dictionaries(NAMES, st.one_of(st.dictionaries(NAMES, ROWS, max_size=3), ROWS), max_size=3), VALUES
)
SECTIONS = st.fixed_dictionaries({}, optional={"histograms": PLAIN, "keyedHistograms": KEYED})
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "histograms": PLAIN,
        "keyedHistograms": KEYED,
        "processes": st.one_of(st.dictionaries(NAMES, st.one_of(SECTIONS, VALUES), max_size=2), VALUES),
        "childPayloads": st.one_of(st.lists(st.one_of(SECTIONS, VALUES), max_size=2), VALUES),
        "simpleMeasurements": st.dictionaries(NAMES, VALUES, max_size=2),
    },
)


def rows_of(text: bytes) -> list:
    """Return every row of the record in *text*."""
    found = RowCollector(OneSpecFile())
    found.add(text)
    return [
        list(histograms_in(found.rows)),
        list(scalars_in(found.rows)),
        found.rows.events,
        found.rows.pings,
    ]


@settings(max_examples=400)
@given(RECORDS, st.booleans())
def test_the_compiled_walk_and_a_full_parse_give_the_same_rows(parts, is_unified):
    """Rows are in the record's order, and neither way raises."""
    sections = {"payload": {"info": INFO, **parts}} if is_unified else {"info": INFO, **parts}
    text = _json(a_record(**sections))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_collector, "open_record", orjson.loads)
        by_full_parse = rows_of(text)

    assert rows_of(text) == by_full_parse


@pytest.mark.parametrize("name", ["histograms", "keyedHistograms"])
def test_the_last_of_two_histograms_with_one_name_counts(monkeypatch, name):
    """A full parse also keeps the last of equal keys."""
    first, last = [1, 0, 0, -1, -1, -1, -1, -1], [2, 0, 0, -1, -1, -1, -1, -1]
    twice = {"A": first, "B": last} if name == "histograms" else {"K": {"A": first, "B": last}}
    text = _json(a_record(info=INFO, **{name: twice})).replace(b'"B"', b'"A"')

    by_walk = rows_of(text)
    monkeypatch.setattr(row_collector, "open_record", orjson.loads)

    assert by_walk == rows_of(text)
    assert [row[4] for row in by_walk[0]] == [(2,)]


def _json(value) -> bytes:
    """Return the shortest JSON of *value*; integers keep all their digits, as in stored records."""
    if isinstance(value, dict):
        return b"{" + b",".join(orjson.dumps(key) + b":" + _json(part) for key, part in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(_json, value)) + b"]"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value).encode()
    return orjson.dumps(value)


def test_of_two_keyed_histograms_of_one_name_the_last_counts_with_all_its_keys(monkeypatch):
    """Different keys do not make two of one name one."""
    row = [1, 0, 0, -1, -1, -1, -1, -1]
    twice = {"K": {"a": row, "b": row}, "L": {"c": row}}
    text = _json(a_record(info=INFO, keyedHistograms=twice)).replace(b'"L"', b'"K"')

    by_walk = rows_of(text)
    monkeypatch.setattr(row_collector, "open_record", orjson.loads)

    assert by_walk == rows_of(text)
    assert [row[2] for row in by_walk[0]] == ["c"]


METRICS = st.dictionaries(
    st.sampled_from(
        ["counter", "timespan", "rate", "object", "timing_distribution", "labeled_custom_distribution", "odd"]
    ),
    st.one_of(
        VALUES,
        st.dictionaries(
            NAMES,
            st.one_of(
                VALUES,
                st.dictionaries(
                    st.sampled_from(["value", "values", "sum", "x"]),
                    st.one_of(
                        VALUES,
                        st.dictionaries(
                            st.one_of(st.sampled_from(["1", "01", "-1", str(2**63), "9" * 30]), NAMES),
                            VALUES,
                            max_size=3,
                        ),
                    ),
                    max_size=3,
                ),
            ),
            max_size=2,
        ),
    ),
    max_size=4,
)


@settings(max_examples=200)
@given(METRICS, st.one_of(VALUES, st.lists(st.one_of(VALUES, st.dictionaries(NAMES, VALUES)), max_size=2)))
def test_every_glean_ping_has_a_row_in_the_table_pings(metrics, events):
    """Values that fit no table are left out."""
    rows = rows_of(_json(a_record("app", "metrics", metrics=metrics, events=events)))

    assert len(rows[-1]) == 1


def test_the_rows_of_a_task_need_no_garbage_collection():
    """A collector refers to nothing that refers to it, so the memory of its rows is free at once."""
    gc.collect()
    gc.disable()
    try:
        collector = RowCollector(OneSpecFile())
        collector.add(_json(a_record(info=INFO, histograms={"A": [1, 0, 0, -1, -1, -1, -1, -1]})))
        gone = weakref.ref(collector)
        del collector
        assert gone() is None
    finally:
        gc.enable()
