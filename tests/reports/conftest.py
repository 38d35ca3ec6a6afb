"""A data root with something of every outcome, made once."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from storage.data_root import DataRoot
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from tests.reports.reports_server import with_access
from tests.support.data_root import World, a_ping, submitted

STORED = 5
BAD_NUMBER, UNREAD_NUMBER = 50, 60


@pytest.fixture(scope="session")
def filled(tmp_path_factory) -> World:
    """Five stored pings, one repeat, one that is no JSON, one without a known path; one is unread."""
    world = World(tmp_path_factory.mktemp("filled"))
    world.put_specs()
    good = [submitted(a_ping(number), number) for number in range(STORED)]
    bad = submitted(b"{", BAD_NUMBER)
    lost = submitted(b"x", 0, path="/submit/bad")
    world.receive([*good, good[0], bad, lost])
    asyncio.run(world.convert())
    world.receive([submitted(a_ping(UNREAD_NUMBER), UNREAD_NUMBER)])
    return world


@pytest.fixture
def setup(filled) -> ConversionSetup:
    """The filled data root, open to everyone on the machine; tests of this folder only read it."""
    return filled.setup


@pytest.fixture
def guarded(filled, tmp_path) -> tuple[ConversionSetup, dict[str, str]]:
    """A copy with users and tokens of every role; and the tokens."""
    folder = tmp_path / "guarded"
    shutil.copytree(filled.root.path, folder)
    setup = replace(filled.setup, root=DataRoot(folder), specs=Path(folder / "specs"))
    _, tokens = with_access(setup.root)
    return setup, tokens
