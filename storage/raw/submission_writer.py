"""What an edge asks of the writer that keeps its submissions."""

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from storage.errors import StorageError, WriterDead
from storage.raw.record_frames import RawRecord
from storage.raw.submission import Submission
from storage.raw.submission_queue import Waiter
from storage.raw.writer_statistics import WriterStatistics


class SubmissionWriter(Protocol):
    """Keeps submissions durably; `storage.raw.writer.RawWriter` is one."""

    directory: Path  # of raw/

    @property
    def broker(self) -> str | None:
        """Return whether the broker that submissions are handed on to is `ok` or `away`; None without one."""

    async def append(self, submission: Submission) -> None:
        """Return once *submission* is kept."""

    def take(self, record: RawRecord, waiter: Waiter, /) -> None:
        """Accept *record*: *waiter* gets the result later, never during this call."""

    def statistics(self) -> WriterStatistics:
        """Return a snapshot, for metrics."""

    @property
    def refusal(self) -> StorageError | None:
        """Return the error that `append` would raise now; None while submissions are accepted."""

    async def check_disk(self) -> None:
        """Wait until `refusal` reflects the disk as it is now."""

    async def wait_until_dead(self) -> WriterDead:
        """Wait until nothing can be kept any more; return the reason."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""

    async def close(self) -> None:
        """Accept nothing more, and keep what was accepted."""
