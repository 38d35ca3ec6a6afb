"""A custom distribution of Glean has all buckets of its definition, even those that were not sent."""

import pytest

from telemetry_server.aggregates.old_service import BUILD_ID, OldQuery, OldService
from telemetry_server.probes.custom_buckets import linear_starts
from tests.aggregates.pings import TEN, Aggregates, glean_aggregates
from tests.probes.glean_samples import NAMESPACE, a_glean_ping
from tests.support.data_root import an_id, submitted

BUILD = "20261120100000"
METRIC = """
    type: custom_distribution
    description: A number.
    bugs: [https://example.org/1]
    data_reviews: [https://example.org/2]
    notification_emails: [gardeners@example.org]
    send_in_pings: [watering]
    expires: never
"""
DEFINITIONS = f"""
$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0
garden:
  depth: {METRIC}
    range_min: 1
    range_max: 3000
    bucket_count: 10
    histogram_type: exponential
  width: {METRIC}
    range_min: 1
    range_max: 20
    bucket_count: 5
    histogram_type: linear
"""
SENT = {
    "garden.depth": {"sum": 400, "values": {"57": 3, "154": 1}},
    "garden.width": {"sum": 99, "values": {"0": 30, "1": 70, "9": 1}},
}


def aggregates_of(folder, *, has_definitions: bool) -> Aggregates:
    """The aggregates of one ping."""
    ping = a_glean_ping({"custom_distribution": SENT}, app_build=BUILD)
    pings = [submitted(ping, 1, path=f"/submit/{NAMESPACE}/watering/1/{an_id(1)}")]
    return glean_aggregates(folder, pings, DEFINITIONS.encode() if has_definitions else None)


@pytest.fixture(scope="module")
def defined(tmp_path_factory) -> Aggregates:
    """The aggregates of one ping whose metrics are defined."""
    return aggregates_of(tmp_path_factory.mktemp("defined"), has_definitions=True)


def test_an_exponential_distribution_has_all_its_buckets(defined):
    """So an estimate is between neighbouring starts, and the last bucket is known."""
    row = defined.answer("garden.depth", percentiles=("50", "100"))["rows"][0]

    assert row["starts"] == list(TEN)
    assert row["counts"] == [0, 0, 0, 0, 0, 3, 1, 0, 0, 0]
    middle, most = row["percentiles"]
    assert middle["estimate"] == pytest.approx(57 * (154 / 57) ** (2 / 3))
    assert (most["value"], most["at_least"]) == (154, False)


def test_a_linear_distribution_has_linear_buckets(defined):
    """A start that is not in the definition is kept, and counted."""
    row = defined.answer("garden.width", percentiles=("25",))["rows"][0]
    asked = OldQuery(BUILD_ID, "nightly", "3", frozenset({BUILD[:8]}), "garden.width")
    old = OldService(defined.reader).histograms(asked)

    assert (row["starts"], row["counts"]) == ([0, 1, 7, 9, 13, 20], [30, 70, 0, 1, 0, 0])
    assert row["foreign_starts"] == 1
    assert row["percentiles"][0]["estimate"] == pytest.approx(25.25 / 30)
    assert (old["kind"], old["buckets"]) == ("linear", row["starts"])


def test_without_a_definition_it_has_the_starts_that_were_sent(tmp_path):
    """No other starts are known."""
    found = aggregates_of(tmp_path, has_definitions=False)

    assert found.answer("garden.depth")["rows"][0]["starts"] == [57, 154]


@pytest.mark.parametrize(
    ("low", "high", "count", "starts"),
    [
        (1, 20, 5, (0, 1, 7, 13, 20)),
        (0, 100, 4, (0, 1, 50, 100)),
        (5, 4, 4, ()),
        (1, 9, 2, ()),
        (1, 2**62, 20_000, ()),
    ],
)
def test_linear_starts_are_those_of_glean(low, high, count, starts):
    """Glean truncates where Firefox rounds."""
    assert linear_starts(low, high, count) == starts
