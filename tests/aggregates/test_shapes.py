"""Buckets of measures without a definition, and histograms of several shapes."""

import pytest

from histogram_specs.buckets import exponential_bucket_starts, linear_bucket_starts
from telemetry_server.aggregates.buckets import (
    COUNT,
    MEMORY_PER_DOUBLING,
    SIMPLE_MEASUREMENT,
    TIMING_PER_DOUBLING,
    bucket_of,
    functional_starts,
    starts_seen,
)
from telemetry_server.aggregates.shape_merging import Histogram, coarsened, histogram_of
from telemetry_server.records.shapes import Shape

TEN = exponential_bucket_starts(1, 3000, 10)
TWENTY = exponential_bucket_starts(1, 3000, 20)


@pytest.mark.parametrize(
    ("starts", "value", "bucket"),
    [
        (COUNT.starts, 7, 7),
        (COUNT.starts, 20, 19),
        (COUNT.starts, 42, 40),
        (COUNT.starts, 123456, 10000),
        (SIMPLE_MEASUREMENT.starts, 42, 35),
        (SIMPLE_MEASUREMENT.starts, 1500, 1248),
        (COUNT.starts, 0, 0),
    ],
)
def test_values_without_a_histogram_get_buckets(starts, value, bucket):
    """Counts and scalars in 100, simple measurements in 50."""
    assert bucket_of(starts, value) == bucket


def test_starts_of_memory_are_those_that_clients_compute():
    """The rounded root falls short: 2^k is never sent with 16 for each doubling."""
    memory = functional_starts(MEMORY_PER_DOUBLING)
    timing = functional_starts(TIMING_PER_DOUBLING)

    assert {31, 1023, 32767} <= set(memory)
    assert not {32, 1024, 32768} & set(memory)
    assert {32, 1024, 32768} <= set(timing)


def test_a_foreign_start_is_kept_and_counted():
    """It is a bucket of its own."""
    starts, foreign = starts_seen("memory_distribution", [31, 1023, 1024])

    assert foreign == 1
    assert {31, 1023, 1024} <= set(starts)
    assert starts_seen("custom_distribution", [5, 1]) == ((1, 5), 0)
    assert starts_seen("timing_distribution", []) == ((), 0)


def enumerated(*counts):
    """An enumerated histogram, overflow last."""
    return Histogram("enumerated", tuple(range(len(counts))), counts)


def test_the_overflow_of_a_shorter_enumeration_goes_to_that_of_the_longer():
    """It never goes to the bucket that took its place."""
    merged = coarsened(enumerated(1, 2, 3, 4, 5), enumerated(1, 1, 1, 1, 1, 1, 1))

    assert merged.counts == (2, 3, 4, 5, 1, 1, 6)
    assert merged.unknown == (4, 5)


def test_linear_and_exponential_buckets_meet_in_the_starts_that_both_have():
    """Each count moves down to the nearest."""
    row = Histogram("exponential", TEN, (0, 1232, 7, 2, 0, 0, 0, 1, 0, 0))
    none = Histogram("exponential", TWENTY, (0,) * 20)
    merged = coarsened(row, none)

    assert merged.starts == (0, 1, 3, 8, 154, 3000)
    assert merged.counts == (0, 1232, 7, 2, 1, 0)
    fifty, twenty = exponential_bucket_starts(1, 10_000, 50), exponential_bucket_starts(1, 10_000, 20)
    both = coarsened(Histogram("exponential", fifty, (1,) * 50), Histogram("exponential", twenty, (1,) * 20))
    assert both.starts == (0, 1, 2, 3, 5, 8, 10000)
    assert sum(both.counts) == 70
    mixed = coarsened(row, Histogram("linear", linear_bucket_starts(1, 20, 5), (1, 0, 0, 0, 0)))
    assert mixed.starts == (0, 1)


def categorical(labels, counts):
    """A categorical histogram with 51 buckets."""
    shape = Shape("categorical", tuple(range(51)), labels)
    return histogram_of(shape, [counts.get(position, 0) for position in range(51)])


def test_a_categorical_histogram_shows_its_labels_and_the_rest():
    """Spare buckets are not shown."""
    shown = categorical(("eOK", "eTimeout", "eAbort"), {0: 4, 2: 1, 50: 2})

    assert shown.labels == ("eOK", "eTimeout", "eAbort", "spill")
    assert shown.counts == (4, 0, 1, 2)


def test_labels_that_were_appended_merge_and_others_do_not():
    """Reordered labels are another histogram."""
    old = categorical(("a", "b"), {0: 1, 1: 2, 50: 3})
    new = categorical(("a", "b", "c"), {0: 10, 2: 30})
    merged = coarsened(new, old)

    assert merged.labels == ("a", "b", "c", "spill")
    assert merged.counts == (11, 2, 30, 3)
    assert coarsened(old, categorical(("b", "a"), {0: 1})) is None
    assert coarsened(old, enumerated(1, 2, 3)) is None


def test_equal_buckets_are_added():
    """The plain case."""
    assert coarsened(enumerated(1, 2, 3), enumerated(4, 5, 6)).counts == (5, 7, 9)
