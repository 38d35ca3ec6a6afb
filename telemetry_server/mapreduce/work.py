"""What a worker process is asked to do, what it returns, and how it is set up: plain values."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from telemetry_server.mapreduce.bad_records import BadRecords
from telemetry_server.mapreduce.inputs import HeldFiles
from telemetry_server.mapreduce.pair_table import BUDGET_BYTES, PairTable
from telemetry_server.mapreduce.plan import MapTask
from telemetry_server.mapreduce.runs import Combine, Record, RunFile

Output = tuple[str, int, bytes]
"""Text and kind of a key, and what its reduce wrote."""


class JobRunner(Protocol):
    """Runs one job's code in this process."""

    @property
    def combine(self) -> Combine | None:
        """Combines values of one key; None where the job does not."""

    def new_table(self, name: Path, partitions: int, budget_bytes: int) -> PairTable:
        """Return an empty table for the pairs of a task."""

    def map_files(
        self, task: MapTask, held: HeldFiles, table: PairTable, on_file: Callable[[int], None]
    ) -> tuple[int, BadRecords]:
        """
        Map the records of *task*; return how many there were, and the bad ones.

        Args:
            on_file: Called with the order of each file before it is read.
        """

    def set_up(self) -> bytes:
        """Call the job's ``setup_reduce``; return what it wrote."""

    def reduce(self, records: Iterable[Record]) -> Iterator[Output]:
        """Reduce each record, one for each key; yield what was written."""


class JobSpec(Protocol):
    """A job, as it goes to other processes."""

    @property
    def digest(self) -> str:
        """A hash of the job's code."""

    @property
    def reduces_once(self) -> bool:
        """Whether one reducer must see all keys."""

    @property
    def reads_ahead(self) -> bool:
        """Whether a file may be read before the records of the last one are mapped."""

    def runner(self) -> JobRunner:
        """Return what runs the job in this process."""


@dataclass(frozen=True, slots=True)
class WorkSetup:
    """What all work of one run has in common."""

    job: JobSpec
    held: HeldFiles
    folder: Path  # for runs
    partitions: int
    budget_bytes: int = BUDGET_BYTES
    profiles: bool = False


@dataclass(frozen=True, slots=True)
class MapWork:
    """Map a task."""

    task: MapTask
    attempt: int = 0

    @property
    def name(self) -> str:
        """Begins the names of the files that it writes."""
        return f"map-{self.task.number}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class MapDone:
    """A task is mapped."""

    task: MapTask
    records: int
    bad: BadRecords
    runs: tuple[tuple[Path, ...], ...]  # by partition


@dataclass(frozen=True, slots=True)
class ReduceWork:
    """Merge and reduce the runs of a partition."""

    partition: int
    runs: tuple[RunFile, ...]
    attempt: int = 0

    @property
    def name(self) -> str:
        """Begins the names of the files that it writes."""
        return f"reduce-{self.partition}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class ReduceDone:
    """A partition is reduced."""

    partition: int
    keys: int
    head: bytes  # what `setup_reduce` wrote
    outputs: tuple[Path, ...]  # runs of (text, kind, output)


@dataclass(frozen=True, slots=True)
class PartWork:
    """Merge the runs of all partitions, combined, into the body of a part."""

    runs: tuple[RunFile, ...]
    attempt: int = 0

    @property
    def name(self) -> str:
        """The file that it writes."""
        return f"part-{self.attempt}"


@dataclass(frozen=True, slots=True)
class PartDone:
    """The body of a part is there."""

    keys: int
    body: Path


Work = MapWork | ReduceWork | PartWork
Done = MapDone | ReduceDone | PartDone


@dataclass(frozen=True, slots=True)
class FileStarted:
    """A mapper begins to read a file."""

    order: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The work failed, and would fail again."""

    error: Exception
