"""Fixtures of the durability suite."""

from collections.abc import Iterator

import pytest

from tests.support.fork_server import ForkServer, fork_server


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """Yield one fork server for all tests of the session."""
    with fork_server() as server:
        yield server
