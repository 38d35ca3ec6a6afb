"""Work that many requests share."""

import asyncio
import threading

import pytest

from telemetry_server.edge.shared_result import SharedWork
from tests.support.waiting import PATIENCE_SECONDS


async def test_a_hundred_requests_during_a_run_share_the_next_one():
    """They get the result of a run that began after they asked."""
    may_end = threading.Event()
    runs = 0

    def work() -> bytes:
        nonlocal runs
        runs += 1
        number = runs
        assert may_end.wait(PATIENCE_SECONDS)
        return b"%d" % number

    shared = SharedWork(work)
    first = asyncio.create_task(shared.result())
    while not runs:
        await asyncio.sleep(0.001)
    later = [asyncio.create_task(shared.result()) for _ in range(100)]
    await asyncio.sleep(0)
    later[0].cancel()
    may_end.set()

    assert await first == b"1"
    assert set(await asyncio.gather(*later[1:])) == {b"2"}
    with pytest.raises(asyncio.CancelledError):
        await later[0]
    assert await shared.result() == b"3"


async def test_a_failed_run_fails_only_for_the_requests_that_shared_it():
    """The next request begins a new run."""
    results = [OSError("gone"), b"here"]

    def work() -> bytes:
        result = results.pop(0)
        if isinstance(result, OSError):
            raise result
        return result

    shared = SharedWork(work)
    with pytest.raises(OSError, match="gone"):
        await shared.result()
    assert await shared.result() == b"here"
