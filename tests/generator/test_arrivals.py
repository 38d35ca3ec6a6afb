"""Times of arrival are spread evenly over the given days."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from telemetry_server.generator.arrivals import arrival_times


@pytest.mark.parametrize(("count", "days"), [(1, 1), (7, 7), (100, 30), (3000, 30), (2, 5), (0, 3)])
def test_each_day_gets_its_share(count, days):
    """The days end with the last one."""
    times = list(arrival_times(count, days, date(2024, 3, 1)))

    per_day = Counter(at.date() for at in times)
    assert times == sorted(times)
    assert len(times) == count
    assert all(0 <= (date(2024, 3, 1) - day).days < days for day in per_day)
    assert all(count // days <= number <= count // days + 1 for number in per_day.values())
    assert count < days or len(per_day) == days


def test_a_single_ping_on_a_single_day_arrives_at_noon():
    """Times are in UTC."""
    assert list(arrival_times(1, 1, date(2024, 2, 29))) == [datetime(2024, 2, 29, 12, tzinfo=UTC)]
