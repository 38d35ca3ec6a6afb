"""Fixtures of the durability suite."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.fork_server import ForkServer
from tests.support.sizes import IS_FULL

MIN_FREE_BYTES = 1 << 30


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """
    A folder in memory where there is room, for tests that do not cut the power; in `make full` on the disk.

    A killed process loses nothing that it has written, on any file system.
    """
    shared_memory = Path("/dev/shm")
    if IS_FULL or not shared_memory.is_dir() or shutil.disk_usage(shared_memory).free < MIN_FREE_BYTES:
        yield tmp_path
        return
    with TemporaryDirectory(dir=shared_memory, prefix="tests-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """Yield one fork server for all tests of the session."""
    server = ForkServer()
    yield server
    server.close()
