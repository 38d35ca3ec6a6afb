"""Failed log-ins are slowed."""

import asyncio

import pytest

from telemetry_server.reports.problems import Problem
from telemetry_server.reports.throttle import MAX_WAITING, LoginThrottle


class Pauses:
    """A clock that a test moves, and the pauses that were slept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_each_failure_makes_the_next_try_wait_longer():
    """Up to a bound; a right password ends the row, and other names do not wait."""
    pauses = Pauses()
    throttle = LoginThrottle(pauses.clock, pauses.sleep)
    for _ in range(8):
        assert not await throttle.check("alice", lambda: False)
    assert await throttle.check("bob", lambda: True)
    assert await throttle.check("alice", lambda: True)
    assert await throttle.check("alice", lambda: True)

    assert pauses.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


async def test_failures_of_long_ago_are_forgotten():
    """After a quarter of an hour."""
    pauses = Pauses()
    throttle = LoginThrottle(pauses.clock, pauses.sleep)
    await throttle.check("alice", lambda: False)
    pauses.now = 901.0
    await throttle.check("alice", lambda: False)

    assert pauses.slept == []


async def test_tries_at_the_same_time_are_refused():
    """Or a thousand at once would all wait the same short time."""
    held = asyncio.Event()

    async def sleep(_: float) -> None:
        await held.wait()

    throttle = LoginThrottle(lambda: 0.0, sleep)
    await throttle.check("alice", lambda: False)
    waiting = [asyncio.create_task(throttle.check("alice", lambda: True)) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as refused:
        await throttle.check("alice", lambda: True)
    held.set()
    await asyncio.gather(*waiting)

    assert refused.value.status == 429
