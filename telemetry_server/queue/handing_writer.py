"""Keeps submissions at a broker, and in raw/ while the broker is away."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.errors import StorageError, WriterClosed, WriterDead
from storage.raw.record_frames import RawRecord, record_of
from storage.raw.submission import Submission
from storage.raw.submission_queue import FutureWaiter, Waiter
from storage.raw.writer import RawWriter
from storage.raw.writer_statistics import WriterStatistics
from telemetry_server.queue.publisher import Publisher


class HandingWriter:
    """
    The writer of an edge that hands its submissions on; it has the methods of `RawWriter`.

    A submission is kept when the broker has acknowledged it.  What the broker does not acknowledge
    goes to raw/, from where another process sends it later; the client waits for one or the other.
    """

    def __init__(self, raw: RawWriter, publisher: Publisher) -> None:
        self.directory: Path = raw.directory
        self._raw = raw
        self._publisher = publisher
        self._is_closing = False

    async def append(self, submission: Submission) -> None:
        """Return once *submission* is kept; errors as those of `RawWriter.append`."""
        result: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.take(record_of(submission), FutureWaiter(result))
        await result

    def take(self, record: RawRecord, waiter: Waiter, /) -> None:
        """Accept *record*; errors as those of `RawWriter.take`."""
        publisher = self._publisher
        if publisher.is_ready and not self._is_closing and publisher.takes(record):
            publisher.send(record, waiter)
        else:
            self._raw.take(record, waiter)

    @property
    def broker(self) -> str:
        """Return whether the broker is `ok` or `away`."""
        return "away" if self._publisher.trouble else "ok"

    @property
    def refusal(self) -> StorageError | None:
        """Return the error that `append` would raise now; None while submissions are accepted."""
        if self._is_closing:
            return WriterClosed("the server is shutting down")
        return None if self._publisher.is_ready else self._raw.refusal

    def statistics(self) -> WriterStatistics:
        """Return a snapshot of the raw store's writer."""
        return self._raw.statistics()

    async def check_disk(self) -> None:
        """Wait until `refusal` reflects the disk as it is now."""
        await self._raw.check_disk()

    async def wait_until_dead(self) -> WriterDead:
        """Wait until the raw store's writer is dead; return the reason."""
        return await self._raw.wait_until_dead()

    async def __aenter__(self) -> Self:
        await self._raw.__aenter__()
        await self._publisher.open(self._keep_in_raw)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Accept nothing more, and wait until all that was accepted is kept.  A second call only waits."""
        self._is_closing = True
        await self._publisher.close()
        await self._raw.close()

    def _keep_in_raw(self, record: RawRecord, waiter: Waiter, _reason: str) -> None:
        try:
            self._raw.take(record, waiter)
        except StorageError as error:
            waiter.finish(error)
