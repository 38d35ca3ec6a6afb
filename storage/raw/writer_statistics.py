"""The statistics of a raw writer for metrics and the heartbeat."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WriterStatistics:
    """A snapshot of a writer's counts and state."""

    kept_submissions: int
    kept_bytes: int
    failed_submissions: int
    commits: int
    waiting_submissions: int
    waiting_bytes: int
    is_full: bool
    is_dead: bool
    is_closing: bool
