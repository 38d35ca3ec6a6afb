"""Blocking work whose result many requests share."""

import asyncio
from collections.abc import Callable


class SharedWork:
    """
    Runs *work* in a thread, one run at a time.

    All requests that arrive before a run begins share its result, so a thousand requests
    at once cost two runs.  A client that disconnects does not end the run.
    """

    def __init__(self, work: Callable[[], bytes]) -> None:
        self._work = work
        self._running = asyncio.Lock()
        self._next: asyncio.Task[bytes] | None = None

    async def result(self) -> bytes:
        """Return the result of a run that begins after this call."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._run())
        return await asyncio.shield(self._next)

    async def _run(self) -> bytes:
        async with self._running:
            self._next = None
            return await asyncio.get_running_loop().run_in_executor(None, self._work)
