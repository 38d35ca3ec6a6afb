"""A labeled counter of Glean is one histogram, whose buckets are its labels."""

import pytest

from telemetry_server.aggregates.old_service import BUILD_ID, OldQuery, OldService
from tests.aggregates.pings import Aggregates, glean_aggregates
from tests.probes.glean_samples import METRICS, NAMESPACE, a_glean_ping
from tests.support.data_root import an_id, submitted

BUILD = "20261120100000"


def uses(number: int, **by_tool: int):
    """A ping that counts uses of tools."""
    ping = a_glean_ping({"labeled_counter": {"garden.by_tool": by_tool}}, app_build=BUILD)
    return submitted(ping, number, path=f"/submit/{NAMESPACE}/watering/1/{an_id(number)}")


def aggregates_of(folder, *, has_definitions: bool) -> Aggregates:
    """The aggregates of two pings."""
    return glean_aggregates(folder, [uses(1, hoe=3), uses(2, hoe=1)], METRICS if has_definitions else None)


@pytest.fixture(scope="module")
def defined(tmp_path_factory) -> Aggregates:
    """The aggregates of pings whose metric is defined."""
    return aggregates_of(tmp_path_factory.mktemp("defined"), has_definitions=True)


def test_labels_of_the_definition_have_buckets_even_if_they_were_never_sent(defined):
    """All other labels share one bucket."""
    row = defined.answer("garden.by_tool")["rows"][0]

    assert (row["labels"], row["counts"], row["sum"]) == (["hoe", "rake", "__other__"], [4, 0, 0], 4)
    assert (row["mean"], row["percentiles"]) == (None, [])


def test_without_a_list_the_buckets_are_the_labels_that_were_sent(tmp_path):
    """No other labels are known."""
    row = aggregates_of(tmp_path, has_definitions=False).answer("garden.by_tool")["rows"][0]

    assert (row["labels"], row["counts"], row["sum"]) == (["hoe"], [4], 4)


def test_the_old_service_shows_a_labeled_counter_as_one_categorical_histogram(defined):
    """Its page knows categorical histograms.  The labels are buckets, not keys."""
    asked = OldQuery(BUILD_ID, "nightly", "3", frozenset({BUILD[:8]}), "garden.by_tool")
    answer = OldService(defined.reader).histograms(asked)

    assert (answer["kind"], answer["buckets"]) == ("categorical", ["hoe", "rake", "__other__"])
    (entry,) = answer["data"]
    assert (entry["label"], entry["histogram"], entry["sum"]) == ("", [4, 0, 0], 4)
