"""Yesterday's answer again, and why today's differs."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from storage.aggregates.changes import MAX_LINES, Change, Changes, note_changes, read_changes
from storage.data_root import DataRoot
from storage.disk import Disk
from telemetry_server.aggregates.histogram_answer import histogram_answer
from telemetry_server.aggregates.query import HistogramQuery
from telemetry_server.aggregates.update import Updater
from tests.aggregates.pings import FIXTURE, REVISION, SPEC, Aggregates, Main, exp, filled
from tests.aggregates.test_histories import forget
from tests.support.data_root import World

DAY, FIRST = "20261120", "20261118"


def update(world, day, hour=12):
    """Bring the aggregates up to date, at some time in November."""
    Updater(world.root, Disk(), clock=lambda: datetime(2026, 11, day, hour, tzinfo=UTC)).update()


def answer(world, query=None, **values):
    """The answer as of the 20th."""
    reader = replace(Aggregates(world).reader, through=DAY, **values)
    return histogram_answer(reader, query or HistogramQuery("EXP"))


async def test_an_answer_of_an_earlier_day_has_only_what_came_until_then(tmp_path):
    """By build, the other pings of a build came later."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    await filled(world, FIXTURE.values())
    update(world, 21)
    found = answer(world)
    weighed = answer(world, HistogramQuery("EXP", weight="clients"))

    (row,) = found["rows"]
    assert (row["group"], row["counts"]) == (FIRST, [0, 3, 101, 0, 1, 0, 0, 0, 0, 0])
    assert [sum(each["counts"]) for each in weighed["rows"]] == [pytest.approx(2)]
    assert (found["as_of"][:10], found["through_day"]) == ("2026-11-20", DAY)
    assert found["since"] == {"late": 3, "added": None, "deleted": None}
    assert answer(world, suppress_below=4)["since"]["late"] is None


async def test_what_was_stored_or_deleted_later_is_counted(tmp_path):
    """As far as the aggregates were there to see it."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    await filled(world, [FIXTURE[name] for name in ("P1", "P2", "P3")])
    update(world, 20)
    assert answer(world)["since"] == {"late": 0, "added": 0, "deleted": 0}
    await filled(world, [Main(9, "E", 20, parent=exp({8: 1}, 9)), FIXTURE["P4"]])
    update(world, 22)
    forget(world, "A")
    update(world, 23)
    update(world, 23)

    assert answer(world)["since"] == {"late": 1, "added": 1, "deleted": 2}


def test_a_torn_line_of_changes_is_left_out_and_old_ones_are_forgotten(tmp_path):
    """What is left says since when it is complete."""
    root = DataRoot(tmp_path)
    root.prepare(Disk())
    folder = root.state / "aggregates"
    folder.mkdir()
    change = Change("2026-11-22T12:00:00Z", DAY, 1, 2)
    note_changes(root, Disk(), "2026-11-20T12:00:00Z", [change])
    path = folder / "changes.jsonl"
    path.write_text(path.read_text() + '{"at": "2026')

    assert read_changes(root) == Changes("2026-11-20T12:00:00Z", (change,))
    newer = replace(change, at="2026-11-23T12:00:00Z")
    note_changes(root, Disk(), "2026-11-23T12:00:00Z", [newer] * MAX_LINES)
    assert read_changes(root) == Changes(newer.at, (newer,) * (MAX_LINES // 2))
    path.write_text("damaged")
    assert read_changes(root) is None
