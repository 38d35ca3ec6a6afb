"""The converter of `serve`: after a failure it logs a halt and retries with growing pauses."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from storage.errors import LedgerError, StorageError
from storage.progress.conversion_state import ConversionState
from telemetry_server.coordinator import follower as module
from telemetry_server.coordinator.follower import Follower, pause_seconds
from tests.support.data_root import World, a_ping, submitted
from tests.support.waiting import until


def test_pauses_grow_to_a_minute():
    """They do not grow further."""
    assert [pause_seconds(failures) for failures in (0, 1, 2, 3, 4, 5, 6, 1000)] == [
        *(2, 4, 8, 16, 32),
        *(60, 60, 60),
    ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LedgerError("state/ledger.sqlite: of another root; run repair"), "of another root; run repair"),
        (StorageError("any reason"), "any reason"),
        (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error"),
    ],
)
async def test_a_failure_is_logged_and_retried_until_it_succeeds(tmp_path, monkeypatch, error, reason):
    """The reason is the text of the error; new pings do not shorten the pause."""
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.05)
    world = World(tmp_path)
    world.put_specs()
    world.receive([submitted(a_ping(1), 1)])
    state = ConversionState(world.root)
    attempts = []
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        convert = converter.convert_waiting

        async def failing(**options):
            attempts.append(asyncio.get_running_loop().time())
            follower._wake.set()
            if len(attempts) <= 4:
                raise error
            await convert(**options)

        async def no_retention():
            return None

        monkeypatch.setattr(converter, "convert_waiting", failing)
        follower = Follower(
            converter,
            wake_fd=None,
            lifeline_fd=None,
            reload=lambda: None,
            run_retention=no_retention,
            state=state,
        )
        running = asyncio.create_task(follower.run())
        await until(lambda: state.read() is not None)
        assert state.read().reason.endswith(reason)
        await until(lambda: converter.summary.stored == 1)
        await until(lambda: state.read() is None)
        follower.stop()
        await running

    pauses = [later - earlier for earlier, later in pairwise(attempts[:5])]
    assert all(pause >= 0.05 * 2**number for number, pause in enumerate(pauses))
