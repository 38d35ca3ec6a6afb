"""A data root with tables, and ways to ask it."""

import asyncio
import json
from dataclasses import dataclass

import pytest

from storage.data_root import DataRoot
from telemetry_server.analysis import catalogue, notebook, query
from tests.analysis.pings import converted_world
from tests.support.data_root import World
from tests.support.made_once import copy_of
from tests.support.tables import Tables

PINGS = 400


@dataclass(frozen=True)
class TableWorld:
    """A converted data root, its tables and its records."""

    world: World
    tables: Tables

    @property
    def root(self) -> DataRoot:
        return self.world.root

    def records(self) -> list[dict]:
        """Every stored record, in the order of ``cat converted``."""
        return [record for _, record in self.world.lines()]


@pytest.fixture(scope="session")
def table_world(tmp_path_factory) -> TableWorld:
    """One data root of pings of every kind; tests only read it."""
    folder = copy_of(
        tmp_path_factory, "tables", lambda path: asyncio.run(converted_world(path / "data", PINGS))
    )
    world = World(folder / "data")
    return TableWorld(world, Tables(world.root))


@pytest.fixture
def use_catalogue(monkeypatch):
    """Makes commands and notebooks read the files of a catalogue: ``use_catalogue(tables.catalogue)``."""

    def use(wanted: catalogue.Catalogue) -> None:
        monkeypatch.setattr(query, "catalogue_of", lambda root: wanted)
        monkeypatch.setattr(notebook, "catalogue_of", lambda root: wanted)

    return use


@pytest.fixture
def sql(table_world, use_catalogue, command):
    """Runs ``telemetry-server sql`` on the data root; returns its stdout and stderr."""
    use_catalogue(table_world.tables.catalogue)

    def run(*words: str, status: int = 0) -> tuple[str, str]:
        return command("sql", *words, "--data", str(table_world.root.path), status=status)

    return run


@pytest.fixture
def rows_of(sql):
    """The rows of a statement, as objects."""
    return lambda statement: json.loads(sql(statement, "--format", "json")[0])
