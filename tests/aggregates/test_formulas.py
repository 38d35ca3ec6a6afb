"""Percentiles, means and spread, by worked examples and properties."""

from fractions import Fraction
from itertools import accumulate
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.aggregates import formulas
from telemetry_server.aggregates.weights import ClientWeights, smoothed_shares

TEN = (0, 1, 3, 8, 21, 57, 154, 414, 1114, 3000)
LINEAR_FIVE = (0, 1, 7, 14, 20)
TWO_THOUSAND = (337, 607, 1107, 1595, 1848, 1609, 1110, 582, 255, 118)
ONE_BUILD = (0, 3, 101, 0, 1, 0, 0, 0, 0, 1)
LATER_BUILD = (4, 0, 0, 0, 0, 3, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "starts", "counts", "p", "value", "estimate"),
    [
        ("exponential", TEN, TWO_THOUSAND, "5", 1, 1.2457),
        ("exponential", TEN, TWO_THOUSAND, "25", 8, 9.2559),
        ("exponential", TEN, TWO_THOUSAND, "50", 21, 34.8604),
        ("exponential", TEN, TWO_THOUSAND, "75", 57, 133.8516),
        ("exponential", TEN, TWO_THOUSAND, "95", 414, 963.3983),
        ("exponential", TEN, TWO_THOUSAND, "99", 3000, 3000),
        ("exponential", TEN, ONE_BUILD, "5", 3, 3.0678),
        ("exponential", TEN, ONE_BUILD, "25", 3, 3.7691),
        ("exponential", TEN, ONE_BUILD, "50", 3, 4.8752),
        ("exponential", TEN, ONE_BUILD, "75", 3, 6.3061),
        ("exponential", TEN, ONE_BUILD, "95", 3, 7.7477),
        ("exponential", TEN, ONE_BUILD, "99", 21, 53.6853),
        ("exponential", TEN, LATER_BUILD, "50", 0, 1.0),
        ("exponential", (0, 1), (999, 1), "99.9", 0, 1.0),
        ("exponential", (0, 1), (999, 1), "99.91", 1, 1.0),
        ("linear", LINEAR_FIVE, (30, 70, 0, 0, 0), "25", 0, 0.8333),
        ("linear", LINEAR_FIVE, (30, 70, 0, 0, 0), "50", 1, 2.7143),
        ("exponential", TEN, (0, 0, 0, 0, 0, 0, 0, 0, 10, 90), "5", 1114, 1828.1138),
        ("boolean", (0, 1, 2), (1, 3, 0), "50", 1, None),
        ("enumerated", (0, 1, 2, 3), (1, 3, 0, 0), "50", 1, None),
        ("exponential", TEN, ONE_BUILD, "0", 1, 1.0),
        ("exponential", TEN, ONE_BUILD, "100", 3000, 3000),
    ],
)
def test_percentiles_of_worked_examples(kind, starts, counts, p, value, estimate):  # noqa: PLR0917 - a table
    """By bucket, and interpolated in it."""
    found = formulas.percentile(kind, starts, counts, p)

    assert found.value == value
    assert found.estimate == (None if estimate is None else pytest.approx(estimate, abs=5e-5))


def test_a_percentile_in_the_last_bucket_is_marked():
    """The last bucket has no upper end."""
    assert formulas.percentile("exponential", TEN, (0,) * 8 + (10, 90), "50").at_least
    assert not formulas.percentile("exponential", TEN, (0,) * 8 + (10, 90), "5").at_least


@pytest.mark.parametrize("p", ["0", "5", "50", "99.9", "100"])
def test_an_empty_histogram_has_no_percentile(p):
    """None, and no error."""
    assert formulas.percentile("exponential", TEN, (0,) * 10, p) == formulas.Percentile(p, None, None, False)


many_counts = st.lists(st.integers(0, 10**6), min_size=10, max_size=10).filter(any)
shares = st.decimals(0, 100, places=3).map(str)


@given(many_counts, st.sampled_from(["exponential", "linear"]), shares, shares)
def test_percentiles_rise_and_lie_in_their_bucket(counts, kind, one, other):
    """Value and estimate rise with p; the value is the start of a bucket with samples."""
    low, high = sorted((one, other), key=Fraction)
    first, second = (formulas.percentile(kind, TEN, counts, p) for p in (low, high))

    assert first.value <= second.value
    assert first.estimate <= second.estimate
    position = TEN.index(second.value)
    assert counts[position]
    assert TEN[position] <= second.estimate <= (*TEN, second.estimate)[position + 1]


@given(many_counts, shares)
def test_a_percentile_is_the_first_bucket_that_reaches_it(counts, p):
    """Compared with a search of all buckets."""
    reached = accumulate(counts)
    wanted = Fraction(p) * sum(counts)
    expected = next(
        start
        for start, so_far, count in zip(TEN, reached, counts, strict=True)
        if count and 100 * so_far >= wanted
    )

    assert formulas.percentile("linear", TEN, counts, p).value == expected


def test_means_come_from_sums():
    """Exact also where buckets are wide or overflow."""
    assert formulas.mean(1_197_167, 9_168) == pytest.approx(130.5810, abs=5e-5)
    assert formulas.mean(1279, 1242) == pytest.approx(1.0298, abs=5e-5)
    assert formulas.mean(830_000, 100) == 8300
    assert formulas.mean(42, 5) == 8.4
    assert formulas.mean(0, 0) is None
    assert formulas.share_of_trues((1, 3, 0)) == 0.75
    assert formulas.share_of_trues((0, 0, 0)) is None


def test_spread_where_clients_send_it():
    """Values 5, 5, 10; and the histogram of StorageFormat.md, of which most values are 1."""
    assert formulas.standard_deviation(20, 150, 3) == pytest.approx(2.3570, abs=5e-5)
    assert formulas.standard_deviation(0, 0, 0) is None
    # Of the page about stored histograms: 1,242 values, most of them 1.
    log_sum, log_sum_squares, samples = 873.474196434021, 624.027626294358, 1242
    assert formulas.geometric_mean(log_sum, samples) == pytest.approx(1.0204, abs=5e-5)
    deviation = formulas.geometric_deviation(log_sum, log_sum_squares, samples)
    assert deviation == pytest.approx(1.0925, abs=5e-5)
    log_sum = 10 * log(3)
    assert formulas.geometric_mean(log_sum, 10) == pytest.approx(2)
    assert formulas.geometric_deviation(log_sum, 10 * log(3) ** 2, 10) == pytest.approx(1)
    assert formulas.geometric_mean(0, 0) is None
    assert formulas.geometric_deviation(0, 0, 0) is None


THREE_CLIENTS = [{0: 1, 1: 1, 2: 2}, {1: 100}, {0: 3, 2: 1}]


def weights_of(clients):
    """The weights of *clients*, each counts by start."""
    found = ClientWeights()
    for counts in clients:
        found.add(counts)
    return found


def test_three_clients_weigh_the_same():
    """By sample the second client has nearly all; by client a third."""
    weights = weights_of(THREE_CLIENTS)

    assert weights.exact((0, 1, 2)) == [1, Fraction(5, 4), Fraction(3, 4)]
    assert weights.weights((0, 1, 2)) == [1, 1.25, 0.75]
    values = [
        formulas.percentile("linear", (0, 1, 2), weights.exact((0, 1, 2)), p).value
        for p in ("25", "50", "75", "90")
    ]
    assert values == [0, 1, 1, 2]
    samples = [
        formulas.percentile("linear", (0, 1, 2), (4, 101, 3), p).value for p in ("25", "50", "75", "90")
    ]
    assert samples == [1, 1, 1, 1]
    smoothed = smoothed_shares(weights.exact((0, 1, 2)), weights.clients)
    assert smoothed == [0.3333, 0.3958, 0.2708]
    shares = [Fraction(str(share)) for share in smoothed]
    values = [formulas.percentile("linear", (0, 1, 2), shares, p).value for p in ("25", "50", "75", "90")]
    assert values == [0, 1, 2, 2]


def test_smoothing_invents_shares_of_empty_buckets():
    """One client, all in one of ten buckets."""
    assert smoothed_shares([0, 0, 1, 0, 0, 0, 0, 0, 0, 0], 1) == [0.05, 0.05, 0.55, *[0.05] * 7]


def test_a_client_without_samples_is_not_counted():
    """It divides nothing by zero either."""
    weights = weights_of([{}, {0: 0}, {0: 2}])

    assert weights.clients == 1
    assert weights.weights((0,)) == [1.0]


clients_of = st.lists(
    st.dictionaries(st.sampled_from((0, 1, 2)), st.integers(0, 50)), min_size=1, max_size=40
)


@given(clients_of, st.randoms(use_true_random=False))
def test_weights_do_not_depend_on_the_order_of_clients(clients, chance):
    """The same bits."""
    shuffled = list(clients)
    chance.shuffle(shuffled)
    first, second = weights_of(clients), weights_of(shuffled)

    assert first.weights((0, 1, 2)) == second.weights((0, 1, 2))
    assert first.exact((0, 1, 2)) == second.exact((0, 1, 2))
    assert sum(first.exact((0, 1, 2))) == first.clients


def test_a_tie_is_decided_exactly_where_clients_are_many(monkeypatch):
    """Three thirds reach all; as floats they may not."""
    monkeypatch.setattr("telemetry_server.aggregates.weights.MAX_EXACT_TOTALS", 0)
    weights = weights_of([{0: 1, 1: 2}, {0: 2, 1: 4}, {0: 3, 1: 6}])

    assert weights.for_percentiles((0, 1), [Fraction(100, 3)]) == [1, 2]
    assert weights.for_percentiles((0, 1), [Fraction(50)]) == [1, 2]


def test_wilson_intervals():
    """Within 0 and 1, around the share."""
    assert formulas.wilson_interval(0, 0) is None
    low, high = formulas.wilson_interval(50, 100)
    assert (low, high) == (pytest.approx(0.4038, abs=5e-5), pytest.approx(0.5962, abs=5e-5))
    assert formulas.wilson_interval(0, 10)[0] == 0
    assert formulas.wilson_interval(10, 10)[1] == pytest.approx(1)
