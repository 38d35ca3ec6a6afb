"""Metrics of Glean pings: the compiled collector finds the rows that the plain way finds."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_server.tables import glean_collector
from telemetry_server.tables.glean_collector import IS_COMPILED
from telemetry_server.tables.row_collector import RowCollector
from tests.records.test_fields import a_record
from tests.records.test_measurements import OneSpecFile
from tests.support.sanitizers import checked_runs
from tests.tables.metric_mutations import METRICS as ORDINARY
from tests.tables.metric_mutations import collected

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="built without a C compiler")

SOURCE = "telemetry_server/tables/_metrics.c"
SECONDS = 3

NUMBERS = st.one_of(
    st.integers(0, 9),
    st.sampled_from([-1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 0.5, -0.0, 1e300]),
)
TEXTS = st.one_of(st.sampled_from(["a", "b", "é", ""]), st.text(max_size=2))
LEAVES = st.one_of(NUMBERS, st.none(), st.booleans(), TEXTS, st.lists(NUMBERS, max_size=2))
STARTS = st.one_of(
    st.integers(0, 50).map(str),
    st.sampled_from(["01", "-0", "-1", "-", "", " 1", "+1", "\u0661", "1.0", str(2**63 - 1), str(2**63)]),
    st.sampled_from([str(-(2**63) + 1), str(-(2**63)), "9" * 19, "9" * 20, "9" * 40]),
)
DISTRIBUTIONS = st.fixed_dictionaries(
    {},
    optional={"sum": LEAVES, "values": st.one_of(st.dictionaries(STARTS, NUMBERS, max_size=4), LEAVES)},
)


def labeled(values):
    return st.one_of(st.dictionaries(TEXTS, st.one_of(values, LEAVES), max_size=3), LEAVES)


VALUES = {
    "counter": LEAVES,
    "string_list": st.one_of(LEAVES, st.dictionaries(TEXTS, LEAVES, max_size=2)),
    "timespan": st.one_of(LEAVES, st.fixed_dictionaries({}, optional={"value": LEAVES})),
    "labeled_counter": labeled(LEAVES),
    "dual_labeled_counter": labeled(labeled(LEAVES)),
    "timing_distribution": st.one_of(DISTRIBUTIONS, LEAVES),
    "custom_distribution": DISTRIBUTIONS,
    "labeled_custom_distribution": labeled(DISTRIBUTIONS),
    "unknown": LEAVES,
}
METRICS = st.fixed_dictionaries(
    {},
    optional={
        kind: st.one_of(st.dictionaries(TEXTS, values, max_size=3), LEAVES) for kind, values in VALUES.items()
    },
)


def both_ways(pings) -> list:
    """Return what the compiled collector and the plain way make of *pings*, which are metrics."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for is_compiled in (True, False):
            patch.setattr(glean_collector, "IS_COMPILED", is_compiled)
            found.append(collected(pings))
    return found


@settings(max_examples=300)
@given(st.lists(METRICS, min_size=1, max_size=3))
def test_both_ways_collect_the_same_columns(pings):
    """Whatever a metric holds, byte for byte; where one way refuses a ping, so does the other."""
    compiled, plain = both_ways(pings)

    assert compiled == plain


def test_an_ordinary_ping_needs_no_plain_way(monkeypatch):
    """Every type of metric is collected by the compiled part."""
    monkeypatch.setattr("telemetry_server.tables.row_collector.glean_rows_of", None)
    monkeypatch.setattr("telemetry_server.tables.row_collector.glean_scalars_of", None)
    collector = RowCollector(OneSpecFile())
    collector.add(orjson.dumps(a_record("app", "metrics", metrics=ORDINARY)))

    assert len(collector.rows.histograms.pings) == 4
    assert len(collector.rows.scalars) == 15


def test_buckets_that_do_not_rise_are_put_in_order():
    """By the plain way."""
    values = {"9": 1, "5": 2**40, "7": 0}
    for rows in both_ways([{"timing_distribution": {"load": {"values": values, "sum": 3}}}]):
        histograms = rows[0].histograms
        assert (list(histograms.lengths), histograms.large) == ([2], [2**40])


@pytest.mark.slow
def test_no_metrics_lead_the_compiled_part_out_of_its_memory(tmp_path):
    """Under the compiler's own checks of addresses and of undefined behaviour."""
    assert checked_runs(tmp_path, "tests.tables.metric_mutations", [SOURCE], SECONDS) > 20
