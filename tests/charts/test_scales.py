"""Scales: round ends, values in order, 0 apart on a logarithmic one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry_server.charts.scales import linear_scale, logarithmic_scale, rounded_up, short_number

VALUES = st.lists(st.floats(0, 1e15, allow_nan=False), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.231, 0.4), (1, 1), (3, 4), (5, 6), (9.5, 10), (101, 200), (1e9, 1e9)]
)
def test_the_top_of_a_scale_is_round(value, top):
    """And not less than the value."""
    assert rounded_up(value) == pytest.approx(top)


@given(VALUES)
@example([5e-324])
@example([5e-324, 1e15])
def test_greater_values_are_higher(values):
    """On both scales, and all are on the plot."""
    for scale in (linear_scale(rounded_up(max(values)), 200), logarithmic_scale(values, 200)):
        places = [scale.place(value) for value in sorted(values)]

        assert places == sorted(places, reverse=True)
        assert all(-1e-6 <= place <= 200 + 1e-6 for place in places)
        assert all(0 <= scale.place(tick) <= 200 + 1e-6 for tick in scale.ticks)


def test_a_value_that_is_hardly_above_zero_counts_as_zero():
    """Its powers of ten have no end."""
    scale = logarithmic_scale([5e-324, 1000], 200)

    assert scale.place(5e-324) == 200
    assert len(scale.ticks) <= 7


def test_zero_has_a_line_of_its_own_on_a_logarithmic_scale():
    """Below the least value above it."""
    scale = logarithmic_scale([0, 1, 1000], 200)

    assert scale.place(0) == 200
    assert scale.place(1) <= 200 - 14
    assert scale.ticks[0] == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "0.5"), (9_999, "9,999"), (12_000, "12k"), (2.5e6, "2.5M"), (3e13, "30T")],
)
def test_an_axis_has_short_numbers(value, text):
    """So that they fit beside the plot."""
    assert short_number(value) == text
