"""Fixtures of the durability suite."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.interruptions import Templates
from tests.support.fork_server import ForkServer
from tests.support.sizes import IS_FULL

MIN_FREE_BYTES = 1 << 30


@contextmanager
def folder_in_memory(otherwise: Path) -> Iterator[Path]:
    """
    Yield a folder in memory where there is room; in `make full` on the disk.

    It is for tests that do not cut the power.  A killed process loses nothing that it has written, on any
    file system.
    """
    shared_memory = Path("/dev/shm")
    if IS_FULL or not shared_memory.is_dir() or shutil.disk_usage(shared_memory).free < MIN_FREE_BYTES:
        yield otherwise
        return
    with TemporaryDirectory(dir=shared_memory, prefix="tests-") as folder:
        yield Path(folder)


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A folder for one test, see `folder_in_memory`."""
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory, forks: ForkServer) -> Iterator[Templates]:
    """What the actions of a module are prepared with, once for all faults."""
    with folder_in_memory(tmp_path_factory.mktemp("templates")) as folder:
        yield Templates(folder, forks)


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """Yield one fork server for all tests of the session."""
    server = ForkServer()
    yield server
    server.close()
