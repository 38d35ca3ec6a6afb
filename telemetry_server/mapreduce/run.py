"""Runs a job on this machine: map and combine in several processes, reduce, one output."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from telemetry_server.mapreduce.bad_records import ONE_PERCENT, BadLimit, BadRecords
from telemetry_server.mapreduce.errors import JobFailed
from telemetry_server.mapreduce.inputs import HeldFiles, Selection
from telemetry_server.mapreduce.output_blocks import merged_outputs
from telemetry_server.mapreduce.pair_table import BUDGET_BYTES
from telemetry_server.mapreduce.plan import MapTask, largest_first, plan_tasks
from telemetry_server.mapreduce.runs import RunFile
from telemetry_server.mapreduce.work import (
    Done,
    JobSpec,
    MapDone,
    MapWork,
    PartDone,
    PartWork,
    ReduceDone,
    ReduceWork,
    WorkSetup,
)
from telemetry_server.mapreduce.workers import Workers


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a job is run; the result does not depend on it."""

    mappers: int
    reducers: int = 1
    bad_limit: BadLimit = ONE_PERCENT
    budget_bytes: int = BUDGET_BYTES
    profiles: bool = False


@dataclass(slots=True)
class Totals:
    """What a run did."""

    files: int = 0
    records: int = 0
    skipped: int = 0
    keys: int = 0
    started: float = field(default_factory=time.monotonic)

    def as_json(self) -> dict[str, int | float]:
        """Return the totals as the command prints them."""
        return {
            "files": self.files,
            "records": self.records,
            "skipped": self.skipped,
            "keys": self.keys,
            "seconds": round(time.monotonic() - self.started, 3),
        }


@dataclass(slots=True)
class Mapped:
    """The runs of all tasks, and what was read for them."""

    runs: list[list[RunFile]]  # by partition, in the order of tasks
    records: int
    bad: BadRecords


class LocalRun:
    """
    One run of a job over selected files.  Use it with ``with``; leaving ends its processes.

    Args:
        folder: For runs; empty, and removed by the caller.
    """

    def __init__(self, job: JobSpec, held: HeldFiles, folder: Path, options: RunOptions) -> None:
        self._options = options
        partitions = 1 if job.reduces_once else options.reducers
        self._setup = WorkSetup(job, held, folder, partitions, options.budget_bytes, options.profiles)
        self._workers = Workers(self._setup)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.__exit__()

    def map(self, selection: Selection, on_bytes: Callable[[int], None]) -> Mapped:
        """
        Map and combine the files of *selection*.

        Args:
            on_bytes: Called with the length of what was mapped.

        Raises:
            JobFailed: The job failed, or too many records were bad.
            ProcessDied: A mapper was killed at every attempt.
        """
        tasks = plan_tasks(selection.files)
        limit = self._options.bad_limit.of(selection.records)
        done: dict[int, MapDone] = {}
        bad = BadRecords()

        def take(result: Done) -> None:
            assert isinstance(result, MapDone)
            done[result.task.number] = result
            on_bytes(result.task.length)
            bad.add_all(result.bad)
            check_bad(bad, limit)

        self.do_tasks(largest_first(tasks), take)
        results = [done[task.number] for task in tasks]
        runs = [
            [RunFile(path) for result in results for path in result.runs[partition]]
            for partition in range(self._setup.partitions)
        ]
        return Mapped(runs, sum(result.records for result in results), bad)

    def do_tasks(self, tasks: Sequence[MapTask], take: Callable[[Done], None]) -> None:
        """Map *tasks*, the first ones first; call *take* with each result, once."""
        self._workers.do([MapWork(task) for task in tasks], self._options.mappers, take)

    def reduce(self, runs: Sequence[Sequence[RunFile]]) -> "Reduced":
        """
        Reduce *runs*, given by partition.

        Raises:
            JobFailed: The job failed.
            ProcessDied: A reducer was killed at every attempt.
        """
        done: dict[int, ReduceDone] = {}

        def take(result: Done) -> None:
            assert isinstance(result, ReduceDone)
            done[result.partition] = result

        work = [ReduceWork(partition, tuple(some)) for partition, some in enumerate(runs)]
        self._workers.do(work, len(work), take)
        outputs = [path for partition in sorted(done) for path in done[partition].outputs]
        return Reduced(sum(result.keys for result in done.values()), done[0].head, tuple(outputs))

    def merge_part(self, runs: Sequence[Sequence[RunFile]]) -> PartDone:
        """Merge *runs* into the body of a part; raises as `reduce` does."""
        done: list[PartDone] = []

        def take(result: Done) -> None:
            assert isinstance(result, PartDone)
            done.append(result)

        self._workers.do([PartWork(tuple(run for some in runs for run in some))], 1, take)
        return done[0]


def check_bad(bad: BadRecords, limit: int) -> None:
    """
    Check that no more than *limit* records were bad.

    Raises:
        JobFailed: There were more; the message names the first.
    """
    if bad.count > limit:
        raise TooManyBadRecords(bad, limit)


class TooManyBadRecords(JobFailed):
    """More records could not be mapped than the run allows."""

    def __init__(self, bad: BadRecords, limit: int) -> None:
        super().__init__(
            f"map failed for {bad.count:,} records, and --max-bad allows {limit:,}; nothing was written"
        )
        self.bad = bad


@dataclass(frozen=True, slots=True)
class Reduced:
    """What the reducers wrote."""

    keys: int
    head: bytes
    outputs: tuple[Path, ...]

    def parts(self) -> Iterator[bytes]:
        """Yield the output, in order."""
        yield self.head
        yield from merged_outputs(self.outputs)
