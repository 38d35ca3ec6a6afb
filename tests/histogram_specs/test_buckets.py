"""The starts of buckets."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from histogram_specs.buckets import (
    MAX_BUCKETS,
    BucketFamily,
    bucket_set,
    exponential_bucket_starts,
    linear_bucket_starts,
)
from histogram_specs.errors import BadBucketRange
from histogram_specs.spec_file import parse_spec_file
from tests.support.shared_data import shared_data

EXPONENTIAL_50_60000 = (
    "0 50 74 110 163 242 359 532 789 1170 1735 2572 3813 5653 8380 12423 18417 27302 40474 60000"
)


def starts_of(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (1, 2, 3, "0 1 2"),
        (1, 4, 5, "0 1 2 3 4"),
        (1, 100, 12, "0 1 11 21 31 41 51 60 70 80 90 100"),
        (5, 200, 8, "0 5 38 70 103 135 168 200"),
        (10, 20, 3, "0 10 20"),
    ],
)
def test_linear_starts_match_the_worked_examples(low, high, count, expected):
    """Those in the description of the original."""
    assert linear_bucket_starts(low, high, count) == starts_of(expected)


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (1, 3000, 10, "0 1 3 8 21 57 154 414 1114 3000"),
        (1, 100, 8, "0 1 2 4 9 20 45 100"),
        (50, 60000, 20, EXPONENTIAL_50_60000),
        (1, 5, 10, "0 1 2 3 4 5 6 7 8 9"),
        (10, 10, 3, "0 10 11"),
        (7, 9, 2, "0 7"),
    ],
)
def test_exponential_starts_match_the_worked_examples(low, high, count, expected):
    """Those in the description of the original, including starts above the range."""
    assert exponential_bucket_starts(low, high, count) == starts_of(expected)


def test_exponential_starts_in_the_middle_match():
    """1 to 60,000 in 50 has 62, 77, 95 at 17; 1 to 10,000 in 50 has 17 at 12, and no 18."""
    wide = exponential_bucket_starts(1, 60000, 50)
    narrow = exponential_bucket_starts(1, 10000, 50)

    assert wide[17:20] == (62, 77, 95)
    assert wide[-1] == 60000
    assert narrow[12] == 17
    assert 18 not in narrow


@pytest.mark.parametrize("starts_for", [linear_bucket_starts, exponential_bucket_starts])
def test_a_low_below_one_counts_as_one(starts_for):
    """As in clients, so low 0 and low 1 give the same buckets."""
    assert starts_for(0, 10, 4) == starts_for(1, 10, 4)
    assert starts_for(-5, 10, 4) == starts_for(1, 10, 4)


@pytest.mark.parametrize(
    ("family", "low", "high", "count"),
    [
        ("linear", 1, 1, 2),
        ("linear", 10, 5, 4),
        ("linear", 1, 10, MAX_BUCKETS + 1),
        ("exponential", 1, 10, 1),
        ("exponential", 10, 5, 4),
        ("exponential", 1, 10**6, MAX_BUCKETS + 1),
        ("exponential", 0, 0, 3),
    ],
)
def test_impossible_buckets_are_refused(family, low, high, count):
    """Too few, too many, or low above high."""
    with pytest.raises(BadBucketRange):
        bucket_set(BucketFamily(family), low, high, count)


def test_of_equal_starts_the_last_position_counts():
    """Linear buckets for a small range have equal starts; clients use the last of them."""
    buckets = bucket_set(BucketFamily.LINEAR, 1, 3, 6)

    assert buckets.starts == (0, 1, 2, 2, 3, 3)
    assert buckets.index == {"0": 0, "1": 1, "2": 3, "3": 5}


def test_equal_bucket_sets_are_one_object():
    """This saves memory; the family of the buckets does not matter."""
    linear = bucket_set(BucketFamily.LINEAR, 1, 4, 5)
    overshooting = bucket_set(BucketFamily.EXPONENTIAL, 1, 3, 5)

    assert linear.starts == overshooting.starts
    assert linear is overshooting


@given(st.sampled_from(BucketFamily), st.integers(1, 10**6), st.integers(0, 2**31 - 1), st.integers(3, 300))
def test_starts_rise_strictly_from_zero_and_have_the_given_count(family, low, width, count):
    """Neighbouring starts are equal only if a linear range is too small."""
    buckets = bucket_set(family, low, low + width, count)

    assert buckets.starts[:2] == (0, low)
    assert len(buckets.starts) == count
    pairs = list(zip(buckets.starts, buckets.starts[1:], strict=False))
    if family is BucketFamily.LINEAR and width < count - 2:
        assert all(one <= next_one for one, next_one in pairs)
    else:
        assert all(one < next_one for one, next_one in pairs)
    if family is BucketFamily.LINEAR:
        assert buckets.starts[-1] == low + width
    assert all(buckets.starts[position] == int(key) for key, position in buckets.index.items())


@pytest.mark.parametrize(
    ("folder", "shared_names"),
    [("telemetry-server-ff23-a55c55edf302", 522), ("telemetry-server-ff24-8d3810543edc", 588)],
)
def test_buckets_equal_what_the_original_server_computed(folder, shared_names):
    """For all histograms in both files, and their copies with the prefix STARTUP_."""
    folder = shared_data("probes", folder)
    computed = json.loads((folder / "computed-buckets.json").read_bytes())["histograms"]
    spec_file = parse_spec_file((folder / "Histograms.json").read_bytes())

    assert len(set(computed) & set(spec_file.names)) == shared_names
    for name, expected in computed.items():
        spec = spec_file.find(name)
        assert list(spec.bucket_starts) == expected["buckets"], name
        assert spec.bucket_count == expected["bucket_count"], name
        assert spec.range == (expected["min"], expected["max"]), name
