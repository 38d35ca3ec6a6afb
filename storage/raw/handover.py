"""
Hands work over from the event loop to the thread of a writer, and results of commits back.

Where it was built, usual commits run in C, without the interpreter's lock; `PlainHandover` is the reference.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from storage.errors import StorageError
from storage.raw.record_frames import RawRecord

Job = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Commit:
    """A batch that is on disk."""

    submissions: int
    written_bytes: int
    seconds: float


Result = Commit | StorageError


class Place(NamedTuple):
    """Where usual commits go: those of *day*, up to the length, the time and the room."""

    descriptor: int  # of a real file
    direct_descriptor: int  # of the same file, for writes without the page cache; -1: there is none
    day: date
    prefix: bytes
    length_bytes: int
    submissions: int
    max_bytes: int
    until: float  # by `time.monotonic`
    room_bytes: int


class PlainHandover:
    """
    Two lines: one of jobs and commits to the thread, and one of results to the event loop.

    `put`, `begin` and `wait` are for the event loop; all else runs in the thread.  Subclasses define
    `commit`, and for the compiled form `place`, `advance` and `fail`.

    Args:
        wake: Called in the thread when there is a result that the loop does not wait for.
        made: Makes a `Commit`, in the compiled form.
    """

    def __init__(self, wake: Callable[[], object], made: Callable[[int, int, float], Commit], /) -> None:
        self._wake = wake
        self._work: SimpleQueue[Job | tuple[list[RawRecord], int] | None] = SimpleQueue()
        self._results: SimpleQueue[Result] = SimpleQueue()
        self._is_waiting = False

    def put(self, job: Job | None, /) -> None:
        """Call *job* in the thread after earlier work; it must not raise.  None ends the thread's work."""
        self._work.put(job)

    def begin(self, records: list[RawRecord], size_bytes: int, /) -> None:
        """Commit *records* of about *size_bytes* in the thread after earlier work."""
        self._work.put((records, size_bytes))

    def wait(self, seconds: float, /) -> Result | None:
        """Return the next result; None if there is none in *seconds*, which are less than one."""
        self._is_waiting = seconds > 0
        result = self._next(seconds)
        self._is_waiting = False
        # One that came before the flag was cleared has not woken the loop.
        return self._next(0) if result is None else result

    def work(self) -> None:
        """Do all work, until None is put."""
        while (work := self._work.get()) is not None:
            if isinstance(work, tuple):
                self._results.put(self.commit(*work))
                if not self._is_waiting:
                    self._wake()
            else:
                work()

    def commit(self, records: list[RawRecord], size_bytes: int) -> Result:
        """Return the result of a commit of *records*."""
        raise NotImplementedError

    def place(self) -> Place | None:
        """Return where usual commits go; None: `commit` is called for each."""
        raise NotImplementedError

    def advance(self, submissions: int, written_bytes: int, size_bytes: int) -> None:
        """Note what usual commits did since `place`: *size_bytes* is what `begin` was told."""
        raise NotImplementedError

    def fail(self, error_number: int, is_sync: bool) -> StorageError:
        """Return the result of a usual commit whose write or sync failed."""
        raise NotImplementedError

    def _next(self, seconds: float) -> Result | None:
        try:
            return self._results.get(seconds > 0, seconds)
        except Empty:
            return None


Handover = PlainHandover
if not TYPE_CHECKING:
    with suppress(ImportError):
        from storage.raw import _handover

        Handover = _handover.Handover
IS_COMPILED = Handover is not PlainHandover
