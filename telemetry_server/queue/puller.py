"""Pulls the messages of one queue into raw/, and keeps trying while the broker is away."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from storage.errors import StorageFull
from telemetry_server.queue.errors import BrokerAway, PositionLost, QueueError, QueueRefused
from telemetry_server.queue.intake import Counts, Intake
from telemetry_server.queue.message import Batch
from telemetry_server.queue.source import Source

READ_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 10.0
NO_ROOM_PAUSE_SECONDS = 5.0
REFUSED_PAUSE_SECONDS = 30.0
TRIES_ONCE = 3


class PullState(StrEnum):
    """What a puller does now."""

    CONNECTED = "connected"
    AWAY = "away"
    STOPPED = "stopped"  # the operator must act; it is tried again
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Progress:
    """A puller at one moment."""

    state: PullState
    detail: str = ""
    lag: int = 0
    position: int = 0
    batch: Counts | None = None  # what has just been kept


class Puller:
    """
    Pulls until `stop`, or with *once* until everything that the queue had at the start is in raw/.

    Args:
        on_progress: Called after each batch, each change of state, and each second without messages.
    """

    def __init__(
        self,
        source: Source,
        intake: Intake,
        *,
        once: bool = False,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.counts = Counts()
        self._source = source
        self._intake = intake
        self._once = once
        self._on_progress = on_progress
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Finish the present batch, then stop."""
        self._stopping.set()

    async def run(self) -> None:
        """
        Pull.

        Raises:
            BrokerAway, QueueRefused, PositionLost: Only with *once*.
            StorageFull: Only with *once*.
            OSError, StorageError: The disk failed.
        """
        failures = 0
        while not self._stopping.is_set():
            before = self.counts.received + self.counts.left_to_others + self.counts.repeated
            try:
                await self._pull()
                self._report(PullState.ENDED)
                return
            except (BrokerAway, StorageFull) as error:
                self._report(PullState.AWAY, str(error))
                after = self.counts.received + self.counts.left_to_others + self.counts.repeated
                failures = 1 if after > before else failures + 1
                if self._once and (failures >= TRIES_ONCE or isinstance(error, StorageFull)):
                    raise
                await self._pause(_pause_seconds(error, failures))
            except (QueueRefused, PositionLost) as error:
                self._report(PullState.STOPPED, str(error))
                if self._once:
                    raise
                await self._pause(REFUSED_PAUSE_SECONDS)
            finally:
                await self._source.close()

    async def _pull(self) -> None:
        """Connect and pull until the end."""
        source = self._source
        await source.connect(self._intake.positions)
        self._report(PullState.CONNECTED)
        while not self._stopping.is_set():
            if self._once and source.is_at_end:
                if source.trouble:
                    raise PositionLost(source.trouble)
                return
            batch = await source.read(READ_SECONDS)
            if batch is None:
                await asyncio.to_thread(self._intake.rest)
                self._report(PullState.CONNECTED)
                continue
            await self._keep(batch)

    async def _keep(self, batch: Batch) -> None:
        # In a thread: meanwhile the next messages arrive.
        counts = await asyncio.to_thread(self._intake.keep, batch)
        self.counts.add(counts)
        await self._source.acknowledge(batch)
        self._report(PullState.CONNECTED, batch=counts)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _report(self, state: PullState, detail: str = "", batch: Counts | None = None) -> None:
        trouble = self._source.trouble
        if state is PullState.CONNECTED and trouble:
            state, detail = PullState.STOPPED, trouble
        self._on_progress(Progress(state, detail, self._source.lag, self._source.position, batch))


def _pause_seconds(error: QueueError | StorageFull, failures: int) -> float:
    if isinstance(error, StorageFull):
        return NO_ROOM_PAUSE_SECONDS
    return float(min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 10)))
