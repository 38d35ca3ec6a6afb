"""Group commit: one write and one sync for everyone who is waiting."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from storage.disk import Disk
from storage.errors import StorageError, StorageFull, WriterBusy, WriterClosed, WriterDead
from storage.raw.commit_thread import Commit, CommitThread, record_bytes
from storage.raw.framing import MAX_BODY_BYTES
from storage.raw.free_space import RESERVE_BYTES, DiskFloor
from storage.raw.segment_file import (
    MAX_SEGMENT_AGE_SECONDS,
    MAX_SEGMENT_BYTES,
    SegmentSeries,
    remove_unfinished_segments,
)
from storage.raw.submission import Submission

MAX_WAITING_SUBMISSIONS = 4096
MAX_WAITING_BYTES = 16 << 20
MAX_BATCH_SUBMISSIONS = 1024
MAX_BATCH_BYTES = 4 << 20
TICK_SECONDS = 1.0
LOOK_WITHIN_SECONDS = 1.0


class Waiter(Protocol):
    """Who is told, once and on the event loop, what became of a submission: a future, or less than that."""

    def done(self) -> bool:
        """Whether it was told already, or does not want to be any more."""

    def set_result(self, result: None, /) -> None:
        """The submission would survive a power cut.  Must not raise."""

    def set_exception(self, error: StorageError, /) -> None:
        """It was not kept, as far as anybody may say.  Must not raise."""


@dataclass(frozen=True, slots=True)
class WriterStatistics:
    """A writer as it was when asked."""

    kept_submissions: int
    kept_bytes: int
    failed_submissions: int
    commits: int
    waiting_submissions: int
    waiting_bytes: int
    is_full: bool
    is_dead: bool
    is_closing: bool


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


class RawWriter:
    """
    Keeps submissions durably, with one sync for everyone who is waiting.

    A commit starts as soon as the disk is free: batches grow under load, and
    a lone submission waits for nobody.  Commits run in the writer's own
    thread, so a client that hangs up cannot tear one.  After a failed write
    the segment is left as it is and the next commit opens a new one; after a
    failed sync the writer is dead: a second sync of the same file may succeed
    without its data (PostgreSQL wiki, "Fsync Errors").

    Once a second it looks at the disk's room, unless nothing has come since the
    last look: then it rests, until something comes or a segment is to be sealed.

    Use it with ``async with``; leaving drains what was already accepted.

    Args:
        directory: The raw store's folder; made if it is not there.
        worker: This writer's number, for names only.
        clock: UTC wall clock; says when a day is over.
        min_free_bytes: Below this much free space nothing is taken; None: a default by the disk's size.
        reserve_bytes: Room kept back for sealing on a full disk.
        commit_timeout_seconds: A submission that waits longer is given up, unpromised.
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
        self._waiting: list[Submission] = []
        self._waiters: list[Waiter] = []
        self._waiting_bytes = 0
        self._in_commit: list[Waiter] = []
        self._is_busy = False
        self._is_looking = False  # the thread has a look at the disk before it
        self._is_resting = True  # nobody looks
        self._ticking: asyncio.TimerHandle | None = None
        self._commits_at_look = 0
        self._is_late = False  # a commit is slower than anyone may wait
        self._is_full = False
        self._is_closing = False
        self._death: WriterDead | None = None
        self._commit_started = 0.0
        self._kept_submissions = self._kept_bytes = self._failed_submissions = self._commits = 0

    async def append(self, submission: Submission) -> None:
        """
        Return once *submission* would survive a power cut.

        Cancelling it gives up the answer, not the submission: a batch that
        holds it is committed all the same.

        Raises:
            StorageFull: No room; nothing was promised, so the client retries.
            WriterBusy: Too much is waiting, or the disk is too slow; the same.
            WriterClosed: The server is shutting down.
            WriterDead: The disk failed; this writer takes nothing more.
        """
        waiter: asyncio.Future[None] = self._loop.create_future()
        self.take(submission, waiter)
        await waiter

    def take(self, submission: Submission, waiter: Waiter) -> None:
        """
        What `append` does, for those who do not wait in a task: *waiter* is told later, never at once.

        Raises:
            StorageFull, WriterBusy, WriterClosed, WriterDead: As `append`; then *waiter* is not told.
        """
        # Flat on purpose: this runs on the event loop for every submission.
        if self._death is not None or self._is_closing or self._is_full or self._is_late:
            raise self._refusal()
        size = record_bytes(submission)
        if self._waiting and (
            len(self._waiting) >= MAX_WAITING_SUBMISSIONS or self._waiting_bytes + size > MAX_WAITING_BYTES
        ):
            raise WriterBusy("too many submissions wait for the disk")
        if size > MAX_BODY_BYTES:
            raise ValueError("a submission is larger than a raw record may be")
        self._waiting.append(submission)
        self._waiters.append(waiter)
        self._waiting_bytes += size
        if not self._is_busy:
            if self._is_resting:
                self._tick()
            # Not at once: what else this turn of the loop brings shares the sync.
            self._is_busy = True
            self._loop.call_soon(self._start_commit)

    def statistics(self) -> WriterStatistics:
        """A snapshot, for whoever counts."""
        return WriterStatistics(
            kept_submissions=self._kept_submissions,
            kept_bytes=self._kept_bytes,
            failed_submissions=self._failed_submissions,
            commits=self._commits,
            waiting_submissions=len(self._waiting) + len(self._in_commit),
            waiting_bytes=self._waiting_bytes,
            is_full=self._is_full,
            is_dead=self._death is not None,
            is_closing=self._is_closing,
        )

    @property
    def refusal(self) -> StorageError | None:
        """What `append` would raise now; None while it takes submissions."""
        if self._death is not None or self._is_closing or self._is_full or self._is_late:
            return self._refusal()
        return None

    async def look(self) -> None:
        """Return when `refusal` says how the disk is now, or does not know any better within a second."""
        if self._is_resting and not self._is_closing:
            self._tick()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._looked.wait(), LOOK_WITHIN_SECONDS)

    async def wait_until_dead(self) -> WriterDead:
        """Return when the writer has died, with the reason."""
        return await asyncio.shield(self._died)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._died: asyncio.Future[WriterDead] = self._loop.create_future()
        self._drained = asyncio.Event()
        self._looked = asyncio.Event()
        self._disk.make_directories(self.directory)
        self._disk.sync_directory(self.directory.parent)
        remove_unfinished_segments(self.directory)
        self._is_full = self._floor.check()
        self._committer = CommitThread(self._series, self._floor)
        if self._is_full:
            self._tick()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Take nothing more, commit what was accepted, seal.  A second call only waits."""
        if not self._is_closing:
            self._is_closing = True
            self._wait_for_tick(None)
            if not self._is_busy:
                self._seal_at_last()
        await self._drained.wait()
        self._committer.stop()

    def _refusal(self) -> StorageError:
        if self._death is not None:
            return WriterDead(*self._death.args)
        if self._is_closing:
            return WriterClosed("the server is shutting down")
        if self._is_full:
            return StorageFull("the disk has less free space than is to be left")
        return WriterBusy("the disk is too slow")

    def _start_commit(self) -> None:
        submissions, waiters = self._take_batch()
        self._in_commit = waiters
        self._commit_started = self._loop.time()
        committer, loop = self._committer, self._loop

        def commit() -> None:
            result = committer.commit(submissions)
            loop.call_soon_threadsafe(self._finish_commit, result)

        committer.submit(commit)

    def _take_batch(self) -> tuple[list[Submission], list[Waiter]]:
        submissions, waiters = self._waiting, self._waiters
        count = len(submissions)
        if count > MAX_BATCH_SUBMISSIONS or self._waiting_bytes > MAX_BATCH_BYTES:
            count = _fitting(submissions)
        self._waiting, self._waiters = submissions[count:], waiters[count:]
        self._waiting_bytes = sum(map(record_bytes, self._waiting))
        return submissions[:count], waiters[:count]

    def _finish_commit(self, result: Commit | StorageError) -> None:
        waiters, self._in_commit = self._in_commit, []
        self._is_late = False
        if isinstance(result, Commit):
            self._kept_submissions += result.submissions
            self._kept_bytes += result.written_bytes
            self._commits += 1
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
            if self._on_commit is not None:
                self._on_commit(result)
        else:
            self._fail(waiters, result)
            self._note_failure(result)
        self._is_full = self._floor.is_low
        if self._waiting:
            self._start_commit()
        else:
            self._is_busy = False
            if self._is_closing:
                self._seal_at_last()

    def _note_failure(self, error: StorageError) -> None:
        if isinstance(error, WriterDead) and self._death is None:
            self._death = error
            self._died.set_result(error)
            self._fail_queue(error)

    def _fail_queue(self, error: StorageError) -> None:
        waiters, self._waiters, self._waiting = self._waiters, [], []
        self._waiting_bytes = 0
        self._fail(waiters, error)

    def _fail(self, waiters: Sequence[Waiter], error: StorageError) -> None:
        self._failed_submissions += len(waiters)
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(type(error)(*error.args))

    def _wait_for_tick(self, seconds: float | None) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        self._ticking = None if seconds is None else self._loop.call_later(seconds, self._tick)

    def _tick(self) -> None:
        """Look for a commit that takes too long, at the disk's room, and for a segment that is over."""
        self._is_resting = False
        self._wait_for_tick(self._tick_seconds)
        if self._in_commit and not self._is_late:
            waited = self._loop.time() - self._commit_started
            if waited > self._commit_timeout_seconds:
                self._is_late = True
                late = WriterBusy("the disk is too slow")
                self._fail(self._in_commit, late)
                self._fail_queue(late)
        if self._is_looking:
            return
        self._is_looking = True
        self._looked.clear()
        today = self._clock().date()
        committer, loop = self._committer, self._loop

        def look() -> None:
            committer.floor.check()
            committer.seal_if_due(today)
            loop.call_soon_threadsafe(self._finish_look, committer.series.due_in_seconds)

        committer.submit(look)

    def _finish_look(self, seal_in_seconds: float | None) -> None:
        self._is_looking = False
        self._looked.set()
        self._is_full = self._floor.is_low
        if self._committer.death is not None:
            self._note_failure(self._committer.death)
        nothing_came = self._commits == self._commits_at_look and not self._is_busy
        self._commits_at_look = self._commits
        if nothing_came and not self._is_full and not self._is_closing:
            self._is_resting = True
            self._wait_for_tick(seal_in_seconds)

    def _seal_at_last(self) -> None:
        committer, loop = self._committer, self._loop

        def seal() -> None:
            committer.seal()
            committer.floor.release()
            loop.call_soon_threadsafe(self._drained.set)

        committer.submit(seal)


def _fitting(submissions: Sequence[Submission]) -> int:
    """How many of *submissions* one batch takes: at least one."""
    total = 0
    for count, submission in enumerate(submissions):
        total += record_bytes(submission)
        if count and (count >= MAX_BATCH_SUBMISSIONS or total > MAX_BATCH_BYTES):
            return count
    return len(submissions)
