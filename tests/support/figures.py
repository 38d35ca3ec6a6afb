"""A table of figures at the end of the durability suite, also when it runs in several processes."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest


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
OUTPUT = "durability figures"  # key of what a process of pytest-xdist returns


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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Return the rows to the process that prints them."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output[OUTPUT] = [asdict(row) for row in session.config.stash[FIGURES]]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the rows of another process."""
    rows = getattr(node, "workeroutput", {}).get(OUTPUT, [])
    node.config.stash[FIGURES] += [Figure(**row) for row in rows]


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
