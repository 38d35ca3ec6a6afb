"""Glean's counters by label: one histogram, whose buckets are the labels."""

import pytest

from telemetry_server.aggregates.old_service import BUILD_ID, OldQuery, OldService
from tests.aggregates.pings import Aggregates
from tests.probes.glean_samples import METRICS, NAMESPACE, a_glean_ping
from tests.support.data_root import World, an_id, submitted

BUILD = "20261120100000"


def uses(number: int, build_date: str = "2026-05-31T08:00:00+00:00", **by_tool: int):
    """A ping that counts uses of tools."""
    ping = a_glean_ping(
        {"labeled_counter": {"garden.by_tool": by_tool}}, app_build=BUILD, build_date=build_date
    )
    return submitted(ping, number, path=f"/submit/{NAMESPACE}/watering/1/{an_id(number)}")


async def aggregates_of(path, *, has_definitions: bool) -> Aggregates:
    """The aggregates of two pings, with or without the definitions of their application."""
    world = World(path)
    if has_definitions:
        folder = world.root.specs / "glean" / NAMESPACE / "app"
        folder.mkdir(parents=True)
        (folder / "metrics.yaml").write_bytes(METRICS)
    world.receive([uses(1, hoe=3), uses(2, hoe=1)])
    await world.convert()
    found = Aggregates(world)
    found.update()
    return found


@pytest.mark.parametrize(
    ("has_definitions", "labels", "counts"),
    [(True, ["hoe", "rake", "__other__"], [4, 0, 0]), (False, ["hoe"], [4])],
)
async def test_listed_labels_have_buckets_though_nobody_sends_them(tmp_path, has_definitions, labels, counts):
    """And the bucket of all others; where no label is listed, those that were sent."""
    found = await aggregates_of(tmp_path, has_definitions=has_definitions)
    row = found.answer("garden.by_tool")["rows"][0]

    assert (row["labels"], row["counts"], row["sum"]) == (labels, counts, 4)
    assert (row["mean"], row["percentiles"]) == (None, [])


async def test_the_old_service_shows_them_as_one_categorical_histogram(tmp_path):
    """Its page knows categorical ones; the labels are its buckets, and none is a key."""
    found = await aggregates_of(tmp_path, has_definitions=True)
    asked = OldQuery(BUILD_ID, "nightly", "3", frozenset({BUILD[:8]}), "garden.by_tool")
    answer = OldService(found.reader).histograms(asked)

    assert (answer["kind"], answer["buckets"]) == ("categorical", ["hoe", "rake", "__other__"])
    (entry,) = answer["data"]
    assert (entry["label"], entry["histogram"], entry["sum"]) == ("", [4, 0, 0], 4)
