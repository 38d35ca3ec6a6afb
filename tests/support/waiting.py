"""
Waits for conditions; a test fails if its condition does not become true.

`PATIENCE_SECONDS` is the deadline of everything that tests wait for: answers, processes, conditions.
It is long, because a machine may be slow and do other work; a test that passes never waits for it.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.02


def wait_for(condition: Callable[[], object], seconds: float = 0.0) -> None:
    """Return when *condition* is true; *seconds* is for work that takes longer than `PATIENCE_SECONDS`."""
    deadline = time.monotonic() + max(seconds, PATIENCE_SECONDS)
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(PAUSE_SECONDS)


def bound_under_load(seconds: float) -> float:
    """Return *seconds* on an idle machine, and more on one that has more processes to run than cores."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


async def becomes_true(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """Return True when *condition* is true, or False after *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


async def until(condition: Callable[[], object]) -> None:
    """Return when *condition* is true."""
    assert await becomes_true(condition), "the condition did not become true in time"


async def until_equal(current: Callable[[], Awaitable[Value]], wanted: Value) -> Value:
    """Return *wanted* when *current* returns it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await current() != wanted:
            await asyncio.sleep(0.01)
    return wanted
