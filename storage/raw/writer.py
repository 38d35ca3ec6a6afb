"""Group commit: one write and one sync for all waiting submissions."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from storage.disk import Disk
from storage.errors import StorageError, StorageFull, WriterBusy, WriterClosed, WriterDead
from storage.raw.commit_results import CommitResults
from storage.raw.commit_thread import CommitThread
from storage.raw.free_space import RESERVE_BYTES, DiskFloor
from storage.raw.gathering import Gathering
from storage.raw.handover import Commit
from storage.raw.record_frames import record_of
from storage.raw.segment_file import (
    MAX_SEGMENT_AGE_SECONDS,
    MAX_SEGMENT_BYTES,
    SegmentSeries,
    remove_unfinished_segments,
)
from storage.raw.submission import Submission
from storage.raw.submission_queue import FutureWaiter, SubmissionQueue, Waiter, fail_all
from storage.raw.writer_statistics import WriterStatistics

TICK_SECONDS = 1.0
LOOK_WITHIN_SECONDS = 1.0
ASKED_WITHIN_SECONDS = 5.0  # a deletion may wait for the open segment


def utc_now() -> datetime:
    """Return the wall clock, in UTC."""
    return datetime.now(UTC)


class RawWriter:
    """
    Keeps submissions durably, with one sync for all that are waiting.

    A single submission is committed at once, and batches grow under load (`Gathering`).  Commits run in the
    writer's own thread, so a client that hangs up cannot tear one.  After a failed write the segment is left
    as it is and the next commit opens a new one; after a failed sync the writer is dead: a second sync of
    the same file may succeed without its data (PostgreSQL wiki, "Fsync Errors").

    Once a second it checks the free space.  If nothing was committed since the last check it stops, until a
    submission arrives or a segment must be sealed.  Use it with ``async with``; leaving drains what was
    already accepted.

    Args:
        directory: The raw store's folder; created if missing.
        worker: This writer's number, for names only.
        clock: UTC wall clock; says when a day is over.
        min_free_bytes: With less free space nothing is accepted; None: a default by the disk's size.
        reserve_bytes: Space reserved for sealing on a full disk.
        commit_timeout_seconds: A submission that waits longer fails with `WriterBusy`.
        on_commit: Called on the event loop after every batch that is on disk.
    """

    def __init__(
        self,
        directory: Path,
        *,
        worker: int = 0,
        disk: Disk | None = None,
        clock: Callable[[], datetime] = utc_now,
        max_segment_bytes: int = MAX_SEGMENT_BYTES,
        max_segment_age_seconds: float = MAX_SEGMENT_AGE_SECONDS,
        min_free_bytes: int | None = None,
        reserve_bytes: int = RESERVE_BYTES,
        commit_timeout_seconds: float = 5.0,
        tick_seconds: float | None = None,
        on_commit: Callable[[Commit], None] | None = None,
    ) -> None:
        self.directory = directory
        self.broker = None  # submissions are kept in raw/
        self._disk = disk or Disk()
        self._clock = clock
        self._commit_timeout_seconds = commit_timeout_seconds
        self._tick_seconds = tick_seconds or min(TICK_SECONDS, commit_timeout_seconds / 4)
        self._on_commit = on_commit
        self._series = SegmentSeries(
            directory,
            worker=worker,
            disk=self._disk,
            now=clock(),
            max_segment_bytes=max_segment_bytes,
            max_segment_age_seconds=max_segment_age_seconds,
        )
        self._floor = DiskFloor(
            directory,
            disk=self._disk,
            min_free_bytes=min_free_bytes,
            reserve_bytes=reserve_bytes,
            name=f".reserve-{worker}",
        )
        self._queue = SubmissionQueue(self._has_enough, self._refusal)
        self.take = self._queue.add  # as in `SubmissionWriter`; errors as those of `append`
        self._in_commit: list[Waiter] = []
        self._is_busy = False  # a commit runs, or is about to
        self._gathering = Gathering(self._queue, self._end_gathering)
        self._is_looking = False  # the thread checks the disk, or is about to
        self._is_resting = True  # no check of the disk is scheduled
        self._ticking: asyncio.TimerHandle | None = None
        self._is_late = False  # a commit takes longer than `commit_timeout_seconds`
        self._is_full = self._is_closing = False
        self._death: WriterDead | None = None
        self._commit_started = 0.0
        self._kept_submissions = self._kept_bytes = self._failed_submissions = 0
        self._commits = self._commits_at_check = 0

    async def append(self, submission: Submission) -> None:
        """
        Return once *submission* would survive a power cut; a cancelled wait does not stop its commit.

        Raises:
            StorageFull: No space; nothing was promised, so the client retries.
            WriterBusy: Too much is waiting, or the disk is too slow; the client retries.
            WriterClosed: The server is shutting down.
            WriterDead: The disk failed; this writer accepts nothing more.
        """
        result: asyncio.Future[None] = self._loop.create_future()
        self.take(record_of(submission), FutureWaiter(result))
        await result

    def _has_enough(self) -> None:
        if self._is_busy:
            self._end_gathering()
            return
        self._is_busy = True
        self._queue.call_never()
        if self._is_resting:
            self._tick()
        # Not at once: other submissions of this turn of the loop share the sync.
        self._loop.call_soon(self._end_gathering)

    def statistics(self) -> WriterStatistics:
        """Return a snapshot, for metrics."""
        return WriterStatistics(
            kept_submissions=self._kept_submissions,
            kept_bytes=self._kept_bytes,
            failed_submissions=self._failed_submissions,
            commits=self._commits,
            waiting_submissions=len(self._queue) + len(self._in_commit),
            waiting_bytes=self._queue.size_bytes,
            is_full=self._is_full,
            is_dead=self._death is not None,
            is_closing=self._is_closing,
        )

    @property
    def refusal(self) -> StorageError | None:
        """Return the error that `append` would raise now; None while submissions are accepted."""
        if self._death is not None or self._is_closing or self._is_full or self._is_late:
            return self._refusal()
        return None

    async def check_disk(self) -> None:
        """Wait until `refusal` reflects the disk as it is now, at most a second."""
        if self._is_resting and not self._is_closing:
            self._tick()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._looked.wait(), LOOK_WITHIN_SECONDS)

    async def wait_until_dead(self) -> WriterDead:
        """Wait until the writer is dead; return the reason."""
        return await asyncio.shield(self._died)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._died: asyncio.Future[WriterDead] = self._loop.create_future()
        self._drained = asyncio.Event()
        self._looked = asyncio.Event()
        self._disk.make_directories(self.directory)
        self._disk.sync_directory(self.directory.parent)
        remove_unfinished_segments(self.directory)
        self._floor.check()
        self._open_or_close()
        later = self._loop.call_soon_threadsafe
        self._committer = CommitThread(self._series, self._floor, lambda: later(self._results.take))
        self._results = CommitResults(self._loop, self._committer, self._finish_commit)
        if self._is_full:
            self._tick()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Accept nothing more, commit what was accepted, seal.  A second call only waits."""
        if not self._is_closing:
            self._is_closing = True
            self._open_or_close()
            self._wait_for_tick(None)
            if self._gathering.is_open or not self._is_busy:
                self._end_gathering()
        await self._drained.wait()
        self._committer.stop()

    def _refusal(self) -> StorageError:
        if self._death is not None:
            return WriterDead(*self._death.args)
        if self._is_closing:
            return WriterClosed("the server is shutting down")
        if self._is_full:
            return StorageFull("the disk has less free space than min_free_bytes")
        return WriterBusy("the disk is too slow")

    def _open_or_close(self) -> None:
        """Have the queue refuse what `refusal` says; called after each change of it."""
        self._is_full = self._floor.is_low
        self._queue.is_open = self.refusal is None

    def _end_gathering(self) -> None:
        self._gathering.end()
        if self._queue:
            self._start_commit()
            return
        self._is_busy = False
        self._queue.call_at(1, 1)
        if self._is_closing:
            self._finish()

    def _start_commit(self) -> None:
        records, self._in_commit, size = self._queue.take_batch()
        self._commit_started = self._loop.time()
        self._results.expect(records, size)

    def _fail(self, waiters: Sequence[Waiter], error: StorageError) -> None:
        self._failed_submissions += len(waiters)
        fail_all(waiters, error)

    def _finish_commit(self, result: Commit | StorageError) -> None:
        waiters, self._in_commit = self._in_commit, []
        self._is_late = False
        if isinstance(result, Commit):
            self._kept_submissions += result.submissions
            self._kept_bytes += result.written_bytes
            self._commits += 1
            for waiter in waiters:
                waiter.finish(None)
            if self._on_commit is not None:
                self._on_commit(result)
        else:
            self._fail(waiters, result)
            self._note_failure(result)
        self._open_or_close()
        wanted = len(waiters) + len(self._queue)
        if self._is_closing or not self._gathering.begin(wanted, pauses=self._results.are_small):
            self._end_gathering()

    def _note_failure(self, error: StorageError) -> None:
        if isinstance(error, WriterDead) and self._death is None:
            self._death = error
            self._open_or_close()
            self._died.set_result(error)
            self._fail(self._queue.clear(), error)

    def _wait_for_tick(self, seconds: float | None) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        self._ticking = None if seconds is None else self._loop.call_later(seconds, self._tick)

    def _tick(self) -> None:
        """Check for a late commit, for free space, and for a segment that must be sealed."""
        self._is_resting = False
        self._wait_for_tick(self._tick_seconds)
        if self._in_commit and not self._is_late:
            waited = self._loop.time() - self._commit_started
            if waited > self._commit_timeout_seconds:
                self._is_late = True
                self._open_or_close()
                late, self._in_commit = self._in_commit, []
                self._fail([*late, *self._queue.clear()], WriterBusy("the disk is too slow"))
        if self._is_looking:
            return
        self._is_looking = True
        self._looked.clear()
        today, later = self._clock().date(), self._loop.call_soon_threadsafe
        self._committer.submit(
            lambda: self._committer.check_disk(today), lambda seconds: later(self._finish_check, seconds)
        )

    def _finish_check(self, seal_in_seconds: float | None) -> None:
        self._is_looking = False
        self._looked.set()
        self._open_or_close()
        if self._committer.death is not None:
            self._note_failure(self._committer.death)
        is_idle = self._commits == self._commits_at_check and not self._is_busy
        self._commits_at_check = self._commits
        if is_idle and not self._is_full and not self._is_closing:
            self._is_resting = True
            self._wait_for_tick(seal_in_seconds and min(seal_in_seconds, ASKED_WITHIN_SECONDS))

    def _finish(self) -> None:
        """Seal the last segment; `close` returns when that is done."""
        later = self._loop.call_soon_threadsafe
        self._committer.submit(self._committer.finish, lambda _: later(self._drained.set))
