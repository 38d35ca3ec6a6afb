"""``tables``: the committed files as a person or a script sees them, checked, and rebuilt."""

import asyncio
import json

import pytest

from storage.tables.columns import TABLES
from telemetry_server.cli.exit_status import ExitStatus
from tests.support.data_root import DAY, World, a_ping, submitted
from tests.support.terminal import shown_on_terminal

PINGS = 3


@pytest.fixture(scope="module")
def converted(tmp_path_factory) -> World:
    """A data root with tables of one day."""
    world = World(tmp_path_factory.mktemp("tables") / "data")
    world.put_specs()
    world.receive([submitted(a_ping(number), number) for number in range(PINGS)])
    asyncio.run(world.convert())
    return world


@pytest.fixture
def tables(converted, command):
    """Runs ``telemetry-server tables`` on the data root; returns its stdout and stderr."""
    return lambda *words, status=0: command(
        "tables", *words, "--data", str(converted.root.path), status=status
    )


def a_file_of(world: World, table: str):
    """The one file of *table*."""
    (path,) = (world.root.path / "tables" / table / DAY).iterdir()
    return path


def test_a_rebuild_shows_on_a_terminal_how_far_it_is(converted):
    """The bar counts bytes of lines and vanishes before the result."""
    words = ["tables", "rebuild", "--data", str(converted.root.path)]

    bar, _, output = shown_on_terminal(words).rpartition(b"\x1b[2K")
    assert b"rebuilding" in bar
    assert b"bytes" in bar
    assert output.decode().strip() == f"the tables have {3 * PINGS} rows; days rebuilt: 1"


def test_status_lists_every_committed_file(tables, converted):
    """With its path below the data root, rows and bytes; in a table of one line a day for people."""
    files = json.loads(tables("status", "--json")[0])

    assert {file["table"]: file["rows"] for file in files} == {"pings": PINGS, "histograms": 2 * PINGS}
    for file in files:
        assert list(file) == ["table", "day", "path", "rows", "bytes"]
        assert file["day"] == DAY
        assert (converted.root.path / file["path"]).stat().st_size == file["bytes"]
    printed = tables("status")[0]
    assert "pings" in printed
    assert DAY in printed


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        (("--table", "pings"), {"pings"}),
        (("--table", "events"), set()),
        (("--date", DAY), {"pings", "histograms"}),
        (("--date", "2026-11-22"), {"pings", "histograms"}),
        (("--date", "20200101"), set()),
    ],
)
def test_status_lists_one_table_or_one_day(tables, words, listed):
    """A day is written with or without dashes."""
    assert {file["table"] for file in json.loads(tables("status", "--json", *words)[0])} == listed


@pytest.mark.parametrize("action", ["check", "rebuild"])
def test_every_table_can_be_named(tables, action):
    """Without a name all of them are meant."""
    tables(action, "--table", "tablecloths", status=ExitStatus.USAGE)
    for table in TABLES:
        tables(action, "--table", table, "--date", "20200101")


def test_check_finds_nothing_wrong_with_what_was_converted(tables):
    """It counts days and rows."""
    assert json.loads(tables("check", "--json")[0]) == {"days": 1, "rows": 3 * PINGS, "findings": []}
    assert "the tables hold what the records say" in tables("check")[0]


@pytest.mark.parametrize("damage", ["missing", "truncated", "other rows"])
def test_check_finds_a_damaged_file_and_rebuild_makes_it_anew(tables, converted, damage):
    """Status 1 with one line for each finding, and what to do; afterwards nothing differs."""
    path = a_file_of(converted, "histograms")
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-50])
    else:
        path.write_bytes(a_file_of(converted, "pings").read_bytes())

    _, said = tables("check", status=ExitStatus.FINDINGS)
    found = json.loads(tables("check", "--json", "--table", "histograms", status=ExitStatus.FINDINGS)[0])
    unharmed = json.loads(tables("check", "--json", "--table", "pings")[0])
    rebuilt = json.loads(tables("rebuild", "--json", "--table", "histograms")[0])

    assert "telemetry-server tables rebuild" in said
    assert found["findings"]
    assert unharmed["findings"] == []
    assert rebuilt == {"days": [DAY], "rows": 2 * PINGS}
    assert json.loads(tables("check", "--json")[0])["findings"] == []


def test_rebuild_of_one_day_leaves_others_alone(tables):
    """A day without records is not an error."""
    assert json.loads(tables("rebuild", "--json", "--date", "20200101")[0]) == {"days": [], "rows": 0}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), ExitStatus.USAGE, "status|check|rebuild"),
        (("look",), ExitStatus.USAGE, "look"),
        (("status", "--table", "records"), ExitStatus.USAGE, "records"),
        (("check", "--date", "20261301"), ExitStatus.USAGE, "20261301"),
        (("rebuild", "--date", "yesterday"), ExitStatus.USAGE, "yesterday"),
    ],
)
def test_wrong_words_are_one_line_and_status_2(command, words, status, said):
    """Nothing is read."""
    assert said in command("tables", *words, status=status)[1]


@pytest.mark.parametrize("action", ["status", "check", "rebuild"])
def test_without_a_data_root_it_says_so(command, tmp_path, action):
    """No folder is made."""
    folder = tmp_path / "nothing"

    out, said = command("tables", action, "--data", str(folder), status=ExitStatus.CONFIGURATION)

    assert out == ""
    assert str(folder) in said
    assert len(said.splitlines()) == 1
    assert not folder.exists()


def test_rebuild_refuses_where_tables_are_off(command, converted, monkeypatch):
    """There would be none."""
    monkeypatch.setenv("TELEMETRY_TABLES", "false")

    said = command("tables", "rebuild", "--data", str(converted.root.path), status=ExitStatus.CONFIGURATION)[
        1
    ]

    assert "tables is false" in said
