"""Waits for conditions, also on slow machines; a test fails if its condition does not become true."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")

LONG_ENOUGH_SECONDS = 30.0


async def until(condition: Callable[[], bool], seconds: float = LONG_ENOUGH_SECONDS) -> None:
    """Return when *condition* is true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def until_equal(
    current: Callable[[], Awaitable[Value]], wanted: Value, seconds: float = LONG_ENOUGH_SECONDS
) -> Value:
    """Return *wanted* when *current* returns it."""
    async with asyncio.timeout(seconds):
        while await current() != wanted:
            await asyncio.sleep(0.01)
    return wanted
