"""A file of a table that is gone or damaged: one line that names it, and status 4."""

import pytest

from tests.support.data_root import World, a_ping, submitted


@pytest.fixture
async def world(tmp_path):
    world = World(tmp_path / "data")
    world.put_specs()
    world.receive([submitted(a_ping(number), number) for number in range(40)])
    await world.convert()
    return world


def part_of(world):
    (path,) = (world.root.path / "tables" / "pings").rglob("*.parquet")
    return path


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def changed(path):
    data = bytearray(path.read_bytes())
    data[200:600] = bytes(byte ^ 0x5A for byte in data[200:600])
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, ["pings/20261122/part-", "Parquet magic bytes not found"]),
        (changed, ["a table cannot be read"]),
        (lambda path: path.unlink(), ["pings/20261122/part-", "is missing"]),
    ],
)
async def test_sql_names_it_with_advice(world, command, damage, words):
    """The statement is right, so the status is not 2; the program is right too, so it is not 70."""
    damage(part_of(world))

    out, talk = command("sql", "SELECT * FROM pings", "--data", str(world.root.path), status=4)

    assert out == ""
    assert talk.count("\n") == 1
    for word in [*words, "telemetry-server tables check"]:
        assert word in talk


async def test_normandy_names_it_with_advice(world, command):
    """It asks the same files."""
    part_of(world).unlink()

    out, talk = command("normandy", "uptake", "--data", str(world.root.path), status=4)

    assert out == ""
    assert "is missing; telemetry-server tables check" in talk
