"""Sizes of the durability suite, and the table of figures at its end."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.support.fork_server import ForkServer, fork_server

IS_FULL = os.environ.get("FAULTS") == "full"


def size(small: int, full: int) -> int:
    """Return the number of repetitions: *full* in ``make faults``, *small* elsewhere."""
    return full if IS_FULL else small


@dataclass
class Figure:
    """One row of the table of figures."""

    title: str = ""
    runs: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


FIGURES = pytest.StashKey[list[Figure]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Iterator[Figure]:
    """Yield the test's row; a row without a title is not printed."""
    row = Figure()
    started = time.monotonic()
    yield row
    row.seconds = time.monotonic() - started
    if row.title:
        request.config.stash[FIGURES].append(row)


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """Yield one fork server for all tests of the session."""
    with fork_server() as server:
        yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[FIGURES]
    if not rows:
        return
    terminalreporter.section("durability figures")
    width = max(len(row.title) for row in rows)
    terminalreporter.line(f"{'':{width}}  {'runs':>6} {'acked':>9} {'lost':>5} {'doubled':>7} {'seconds':>8}")
    for row in rows:
        terminalreporter.line(
            f"{row.title:{width}}  {row.runs:6,} {row.acknowledged:9,} {row.lost:5,}"
            f" {row.doubled:7,} {row.seconds:8.1f}  {'; '.join(row.notes)}"
        )
