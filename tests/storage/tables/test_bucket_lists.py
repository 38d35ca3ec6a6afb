"""The compiled order of buckets is that of the plain way."""

from array import array
from itertools import accumulate

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tables.compiled import bucket_lists
from storage.tables.compiled.bucket_lists import BucketLists

pytestmark = pytest.mark.skipif(not bucket_lists.IS_COMPILED, reason="built without a C compiler")

LARGE = [-(2**63), -1, 2**31, 2**63 - 1]
NUMBERS = st.one_of(st.integers(0, 2**31 - 1), st.integers(-len(LARGE), -1))
HISTOGRAMS = st.lists(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4), max_size=6)


def lists_of(histograms) -> BucketLists:
    """Return *histograms*, which are lists of starts and counts."""
    starts, counts = (
        array("i", [pair[place] for histogram in histograms for pair in histogram]).tobytes()
        for place in (0, 1)
    )
    offsets = pa.array([7, *accumulate(map(len, histograms), initial=0)], pa.int32()).slice(1)
    return BucketLists(offsets, starts, counts, LARGE)


def both_ways(lists: BucketLists, rows: pa.Array) -> list:
    """Return what `in_order` does by the compiled walk, and without it."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for is_compiled in (True, False):
            patch.setattr(bucket_lists, "IS_COMPILED", is_compiled)
            found.append([each.to_pylist() for each in lists.in_order(rows)])
    return found


@given(HISTOGRAMS, st.lists(st.integers(0, 5), max_size=8))
def test_both_ways_give_the_same_lists(histograms, chosen):
    """Also rows twice, and large numbers in their place."""
    rows = pa.array([9, *(row for row in chosen if row < len(histograms))], pa.int32()).slice(1)
    by_walk, plainly = both_ways(lists_of(histograms), rows)

    wide = [
        [[number if number >= 0 else LARGE[-1 - number] for number in numbers] for numbers in pair]
        for pair in ([list(each) for each in zip(*histogram, strict=True)] for histogram in histograms)
    ]
    assert by_walk == plainly
    assert by_walk[0] == [wide[row][0] if wide[row] else [] for row in rows.to_pylist()]


@pytest.mark.parametrize(
    ("offsets", "rows", "starts", "counts"),
    [
        ([0, 1], [1], [1], [1]),
        ([0, 1], [-1], [1], [1]),
        ([0, 2], [0], [1], [1]),
        ([-1, 1], [0], [1], [1]),
        ([1, 0], [0], [1], [1]),
        ([0, 1], [0], [1], [1, 1]),
        ([0, 1], [0], [-5], [1]),
        ([], [0], [1], [1]),
    ],
    ids=["no row", "before all", "past the end", "below 0", "falling", "fewer starts", "not large", "empty"],
)
def test_what_is_not_there_is_an_error(offsets, rows, starts, counts):
    """Nothing is read outside of the arrays."""
    data = (array("i", numbers).tobytes() for numbers in (starts, counts))
    lists = BucketLists(pa.array(offsets, pa.int32()), *data, LARGE)

    with pytest.raises(ValueError, match="is not there"):
        lists.in_order(pa.array(rows, pa.int32()))
