"""Sends what waits in raw/ to the broker, in order of arrival."""

import asyncio
from collections.abc import Callable, Sequence

from storage.errors import StorageError
from storage.raw.record_frames import RawRecord, record_of
from storage.raw.submission_queue import FutureWaiter, Waiter
from telemetry_server.queue.backlog import Backlog, Waiting
from telemetry_server.queue.publisher import Publisher

LOOK_SECONDS = 0.5
READY_SECONDS = 0.05


class HandOn:
    """
    Hands on what waits, until `stop`.

    Args:
        on_state: Called after each step with the number handed on, and why the broker is not reached.
    """

    def __init__(
        self,
        backlog: Backlog,
        publisher: Publisher,
        *,
        on_state: Callable[[int, str], None] = lambda *_: None,
    ) -> None:
        self._backlog = backlog
        self._publisher = publisher
        self._on_state = on_state
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Stop soon."""
        self._stopping.set()

    async def run(self, *, until_empty: bool = False) -> None:
        """Hand on; with *until_empty* return when nothing waits."""
        await self._publisher.open(_fail)
        try:
            while not self._stopping.is_set():
                batch = await asyncio.to_thread(self._backlog.next) if self._publisher.is_ready else ()
                if batch:
                    await self._send(batch)
                elif until_empty and self._publisher.is_ready:
                    return
                else:
                    await self._pause(LOOK_SECONDS)
                self._on_state(self._backlog.handed_on, self._publisher.trouble)
        finally:
            await self._publisher.close()

    async def _send(self, batch: Sequence[Waiting]) -> None:
        """Send *batch*; what is in order and acknowledged counts."""
        sent: list[asyncio.Future[None]] = []
        for waiting in batch:
            if not await self._ready():
                break
            result: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            record = record_of(waiting.submission)
            if self._publisher.takes(record):
                self._publisher.send(record, FutureWaiter(result))
            else:
                self._backlog.mark_stuck(waiting)
                result.set_result(None)
            sent.append(result)
        results = await asyncio.gather(*sent, return_exceptions=True)
        acknowledged = next(
            (number for number, result in enumerate(results) if isinstance(result, BaseException)),
            len(results),
        )
        # A place marks everything before it in its segment, so what follows a failure is sent again.
        self._backlog.mark_handed_on(batch[:acknowledged])

    async def _ready(self) -> bool:
        """Wait for room on the way to the broker; False if the broker is away, or it is time to stop."""
        while not self._publisher.is_ready:
            if self._publisher.trouble or self._stopping.is_set():
                return False
            await self._pause(READY_SECONDS)
        return True

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def _fail(_record: RawRecord, waiter: Waiter, reason: str) -> None:
    waiter.finish(StorageError(reason))
