"""What SQL shows of pings of anonymous stores: no more than reports may group by."""

import json
from datetime import timedelta

import pytest

from tests.support.data_root import NOON, World, submitted

STORES = b"""
[custom]
store = "side-store"
client_id = "forbidden"
"""


def a_ping(doctype: str, system: str) -> dict:
    return {
        "type": doctype,
        "version": 4,
        "application": {
            "name": "Firefox",
            "version": "70.0",
            "buildId": "20191010000000",
            "channel": "release",
        },
        "environment": {
            "system": {"os": {"name": system, "version": "6.1"}},
            "experiments": {"tulips": {"branch": "red"}},
        },
        "payload": {"scalars": {"parent": {"garden.weather.rain_ticks": 1}}},
    }


@pytest.fixture
def ask(tmp_path, monkeypatch, command):
    """A function that returns the rows of a statement over 12 custom pings of Linux and 9 of macOS."""
    stores = tmp_path / "stores.toml"
    stores.write_bytes(STORES)
    monkeypatch.setenv("TELEMETRY_STORES_FILE", str(stores))
    world = World(tmp_path / "data")
    systems = [*["Linux"] * 12, *["Darwin"] * 9]
    world.receive(
        [
            *(submitted(a_ping("custom", system), number) for number, system in enumerate(systems, 1)),
            submitted(a_ping("sync", "Darwin"), 100),
            # On another day the twelve are not alike.
            submitted(a_ping("custom", "Linux"), 101, at=NOON + timedelta(days=1)),
        ]
    )
    command("convert", "--data", str(world.root.path))

    def run(statement: str, status: int = 0) -> object:
        printed, said = command(
            "sql", statement, "--format", "json", "--data", str(world.root.path), status=status
        )
        if status:
            assert printed == ""
            return said
        return [tuple(row.values()) for row in json.loads(printed)]

    return run


def test_a_system_is_shown_for_ten_pings_that_are_alike(ask):
    """Smaller groups are one group without a system; other pings are shown as they are."""
    rows = ask("SELECT doctype, os, os_version, count(*) AS n FROM pings GROUP BY ALL ORDER BY ALL")

    assert rows == [
        ("custom", "Linux", "6.1", 12),
        ("custom", None, None, 10),
        ("sync", "Darwin", "6.1", 1),
    ]


def test_no_third_field_of_the_environment_is_in_a_table(ask):
    """Experiments and the environment of a record are missing; values have no system."""
    assert ask("SELECT DISTINCT doctype, experiments FROM pings ORDER BY doctype") == [
        ("custom", {}),
        ("sync", {"tulips": "red"}),
    ]
    assert ask("SELECT DISTINCT os FROM scalars WHERE doctype = 'custom'") in ([], [(None,)])
    assert ask(
        "SELECT DISTINCT json_extract_string(record, '$.type') AS type, record LIKE '%environment%' AS has"
        " FROM records ORDER BY type"
    ) == [("custom", False), ("sync", True)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT os, count(*) FROM ping_files GROUP BY os",
        'WITH p AS (SELECT * FROM "PING_FILES") SELECT * FROM p',
        "SELECT (SELECT count(*) FROM scalar_files)",
    ],
)
def test_what_the_views_read_cannot_be_named(ask, statement):
    """Otherwise a statement could go around the limit."""
    assert "is not a table" in ask(statement, status=2)
