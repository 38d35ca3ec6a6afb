"""What conversion notes of a ping as it packs it is what a reader finds in the stored record."""

import json
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.convert.compiled.ping_text import IS_COMPILED
from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import Stored
from telemetry_server.records import record_text
from telemetry_server.tables import row_collector
from telemetry_server.tables.row_collector import RowCollector
from telemetry_server.tables.task_rows import DefinitionFinder
from tests.convert.compiled.test_two_ways import PINGS, SEPARATORS
from tests.convert.payloads.samples import COUNT_SENT, EXP_SENT, FLAG_SENT, a_context, a_submission, classic
from tests.records.test_measurements import histograms_in, scalars_in

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="built without a C compiler")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return replace(a_context(tmp_path_factory.mktemp("specs")), collects_rows=True)


def ways(stored: Stored, context) -> list[list]:
    """Return the rows of *stored* as conversion collects them, by the compiled walk, and by a full parse."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_text, "MIN_SPLIT_BYTES", 0)
        found += [rows_of(stored.record, stored.opened, context), rows_of(stored.record, None, context)]
        patch.setattr(row_collector, "open_record", orjson.loads)
        found.append(rows_of(stored.record, None, context))
    return found


def rows_of(text: bytes, opened, context) -> list:
    collector = RowCollector(DefinitionFinder(context.resolver))
    collector.add(text, 0, opened)
    rows = collector.rows
    return [list(histograms_in(rows)), list(scalars_in(rows)), rows.events, rows.pings]


BUCKETS = st.sampled_from(["0", "1", "2", "3", "8", "12", "16", "2", "50", "01", "-1"])
COUNTS = st.one_of(st.integers(0, 9), st.sampled_from([2**31 - 1, 2**31, 10**17, 10**18, 2**64, 1.5, None]))
# The same bucket twice, and buckets that fall, are valid, too.
VALUES = st.lists(st.tuples(BUCKETS, COUNTS), max_size=5).map(
    lambda values: "{" + ",".join(f'"{bucket}":{json.dumps(count)}' for bucket, count in values) + "}"
)
SUMS = st.sampled_from([None, "0", "7", "-1", "-5", "1.5", "1e3", str(2**63), str(2**64 - 1), "-0.0"])
NAMES = ["FLAG", "EXP", "LINEAR", "COUNT", "STARTUP_BOOL", "CATEGORIES", "EVENTS", "KEYED_COUNT", "é", "\\"]
LABELS = st.sampled_from(["a", "é", "", 'b"', "\\", "a\n"])


@st.composite
def histograms(draw) -> str:
    """Draw the JSON of a histogram."""
    total = draw(SUMS)
    return f'{{"values":{draw(VALUES)}' + ("}" if total is None else f',"sum":{total}}}')


@given(
    st.dictionaries(st.sampled_from(NAMES), histograms(), max_size=5),
    st.dictionaries(
        st.sampled_from(NAMES), st.dictionaries(LABELS, histograms(), min_size=1, max_size=3), max_size=3
    ),
)
def test_rows_are_the_same_three_ways(context, plain, keyed):
    """Whatever clients send in a histogram."""
    sent = json.dumps(classic({}, keyedHistograms={}), separators=SEPARATORS[0])
    for name, value in (
        ("histograms", plain),
        ("keyedHistograms", {k: _object(v) for k, v in keyed.items()}),
    ):
        sent = sent.replace(f'"{name}":{{}}', f'"{name}":{_object(value)}')
    stored = convert(a_submission(sent.encode()), context)
    if isinstance(stored, Stored):
        noted, by_walk, by_parse = ways(stored, context)
        assert noted == by_walk == by_parse


def _object(values: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in values.items()) + "}"


@pytest.mark.parametrize("name", PINGS)
def test_rows_of_partly_invalid_pings_are_the_same(context, name):
    """Also where the full parse converted them."""
    for write in (orjson.dumps, json.dumps):
        text = write(PINGS[name])
        stored = convert(a_submission(text if isinstance(text, bytes) else text.encode()), context)
        if isinstance(stored, Stored):
            noted, by_walk, by_parse = ways(stored, context)
            assert noted == by_walk == by_parse


def test_conversion_notes_the_rows_of_an_ordinary_ping(context):
    """Also where some of its histograms are dropped; otherwise its record would be read once more."""
    plain = {"FLAG": FLAG_SENT, "UNDEFINED": FLAG_SENT, "EXP": EXP_SENT}
    by_key = {"KEYED_COUNT": {"größe": COUNT_SENT, "": COUNT_SENT}}
    stored = convert(a_submission(orjson.dumps(classic(plain, keyedHistograms=by_key))), context)

    assert isinstance(stored, Stored)
    assert stored.dropped
    noted, keyed = stored.opened["histograms"].cells, stored.opened["keyedHistograms"].cells
    assert (noted.names, noted.labels) == (["FLAG", "EXP"], None)
    assert (keyed.names, keyed.labels) == (["KEYED_COUNT"], ["größe", ""])
