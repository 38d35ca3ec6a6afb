"""The order of rows: versions and builds are texts, and come as numbers do."""

import pytest

from telemetry_server.aggregates.clients_answer import clients_answer
from telemetry_server.aggregates.groups import group_order
from tests.aggregates.pings import REVISION, SPEC, Aggregates, Main, exp, filled
from tests.support.data_root import World

VERSIONS = ("100.0", "9.0", "43.0", "10.0")
WINDOWS = ("Windows_NT", "10.0"), ("Windows_NT", "6.1")


@pytest.fixture
async def aggregates(tmp_path):
    """A ping of each version, on two versions of a system."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    pings = [
        Main(number, "A", 20, version=version, os=WINDOWS[number % 2], parent=exp({1: 1}, 1))
        for number, version in enumerate(VERSIONS, start=1)
    ]
    await filled(world, pings)
    found = Aggregates(world)
    found.update()
    return found


async def test_rows_of_clients_and_histograms_come_in_the_order_of_their_versions(aggregates):
    """Sorted as texts, 100 would be before 43, and Windows 10.0 before 6.1."""
    clients = clients_answer(aggregates.reader, ("version",))["rows"]
    systems = clients_answer(aggregates.reader, ("os_version", "version"))["rows"]
    histogram = aggregates.answer(by="version")["rows"]

    assert [row["version"] for row in clients] == ["9", "10", "43", "100"]
    assert [(row["os_version"], row["version"]) for row in systems] == [
        *(("6.1", "43"), ("6.1", "100")),
        *(("10.0", "9"), ("10.0", "10")),
    ]
    assert [row["group"] for row in histogram] == ["9", "10", "43", "100"]


def test_numbers_come_first_then_words_and_what_is_unknown_is_last():
    """A text of very many digits counts as a word."""
    groups = ["UNKNOWN", "control", "20261118", "6.1", "OTHER", "9" * 5000, "6.10", "6", "2"]

    assert sorted(groups, key=group_order) == [
        *("2", "6", "6.1", "6.10", "20261118"),
        *("9" * 5000, "OTHER", "control", "UNKNOWN"),
    ]
