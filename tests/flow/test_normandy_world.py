"""A seeded world of studies: every figure equals the world's own books."""

from collections import Counter

import pytest

from telemetry_server import analysis
from telemetry_server.generator.normandy_world import STUDIES, normandy_world
from telemetry_server.normandy.answers import Question, studies_answer, uptake_answer
from tests.support.data_root import NOON, World, submitted
from tests.support.sizes import size

CLIENTS = [pytest.param(150, id="some"), pytest.param(size(1500, 5000), marks=pytest.mark.slow, id="many")]


def test_a_seed_makes_the_same_world_each_time():
    """The same pings in the same order, and the same books."""
    first, second = normandy_world(40, 7), normandy_world(40, 7)

    assert first.pings == second.pings
    assert first.studies == second.studies
    assert first.pings != normandy_world(40, 8).pings
    assert {study for _, _, study in normandy_world(100).studies} == {plan.slug for plan in STUDIES}


@pytest.mark.parametrize("clients", CLIENTS)
async def test_every_figure_equals_the_books_of_the_world(tmp_path, clients):
    """Both eras, twelve studies, repeats, any order, lost enrolments, opted-out ids, three carriers apart."""
    expected = normandy_world(clients, seed=3)
    world = World(tmp_path / "data")
    world.receive(submitted(ping.body, ping.index, path=ping.path, at=NOON) for ping in expected.pings)
    tally = await world.convert(processes=2)
    assert (tally.stored, tally.duplicate) == (
        sum(ping.expected.outcome == "stored" for ping in expected.pings),
        sum(ping.expected.outcome == "duplicate" for ping in expected.pings),
    )

    with analysis.connect(world.root.path) as tables:
        studies = studies_answer(tables, Question())
        uptake = uptake_answer(tables, Question())

    rows = {(row["carrier"], row["object"], row["study"]): row for row in studies["studies"]}
    assert set(rows) == set(expected.studies)
    names = ("enrolled", "enroll_failed", "graduated", "unenrolled", "orphan_unenrolled")
    for key, books in expected.studies.items():
        row = rows[key]
        assert {name: row[name] for name in names} == {name: books.counts[name] for name in names}, key
        branches = {branch["branch"]: branch for branch in row["branches"]}
        assert Counter({name: one["enrolled"] for name, one in branches.items()}) == books.enrolled_by_branch
        assert Counter({name: one["unenrolled"] for name, one in branches.items()}) == books.left_by_branch
        assert Counter(row["reasons"]) == books.reasons
        assert Counter(row["orphan_reasons"]) == books.orphan_reasons
        graduated = books.counts["graduated"]
        assert row["active"] == books.counts["enrolled"] - books.counts["unenrolled"] - graduated
    counted = {(one["carrier"], one["kind"], one["name"]): Counter(one["words"]) for one in uptake["uptake"]}
    assert {key: words for key, words in counted.items() if words} == expected.uptake
    assert "multiple_status_per_cycle" not in uptake["anomalies"]
