"""Packed rows: the documented examples, and round trips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import NotARow
from storage.partitions.histogram_row import NOT_SENT, SUMMARY, pack_row, unpack_row

STARTS = (0, 1, 3, 8, 21, 57, 154, 414, 1114, 3000)
INDEX = {str(start): position for position, start in enumerate(STARTS)}
COUNTS = {"0": 0, "1": 1232, "3": 7, "8": 2, "414": 1, "1114": 0}
ROW = [0, 1232, 7, 2, 0, 0, 0, 1, 0, 0, 1279, 873.474196434021, 624.027626294358, -1, -1]


def test_a_row_is_the_counts_in_order_and_then_the_summary():
    assert pack_row(COUNTS, INDEX, 10, (1279, 873.474196434021, 624.027626294358, -1, -1)) == ROW


def test_a_flag_has_three_buckets():
    index = {"0": 0, "1": 1, "2": 2}

    assert pack_row({"0": 1, "1": 0}, index, 3, (0, -1, -1, 0, 0)) == [1, 0, 0, 0, -1, -1, 0, 0]


def test_a_key_that_is_not_a_bucket_start_raises():
    with pytest.raises(KeyError):
        pack_row({"2": 1}, INDEX, 10, [NOT_SENT] * 5)


def test_a_row_is_unpacked_to_all_counts_and_the_sent_summary():
    unpacked = unpack_row(ROW, STARTS)

    assert unpacked.counts == dict(zip(STARTS, ROW[:10], strict=True))
    assert unpacked.summary == {
        "sum": 1279,
        "log_sum": 873.474196434021,
        "log_sum_squares": 624.027626294358,
    }


@pytest.mark.parametrize("row", [[], ROW[:-1], [*ROW, 0]])
def test_a_row_of_another_length_is_refused(row):
    with pytest.raises(NotARow, match="10 buckets and 5 more"):
        unpack_row(row, STARTS)


@given(
    st.dictionaries(st.sampled_from(STARTS), st.integers(0, 2**63 - 1)),
    st.dictionaries(st.sampled_from(SUMMARY), st.integers(0) | st.floats(0, allow_infinity=False)),
)
def test_a_packed_histogram_is_unpacked_unchanged(counts, summary):
    texts = {str(start): count for start, count in counts.items()}
    row = pack_row(texts, INDEX, 10, [summary.get(name, NOT_SENT) for name in SUMMARY])

    unpacked = unpack_row(row, STARTS)

    assert {start: count for start, count in unpacked.counts.items() if count} == {
        start: count for start, count in counts.items() if count
    }
    assert unpacked.summary == summary
