"""Does one piece of work in this process."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count

from telemetry_server.mapreduce.output_blocks import OutputBlocks
from telemetry_server.mapreduce.profiling import SUFFIX, profiled
from telemetry_server.mapreduce.runs import Record, merged_files, write_run
from telemetry_server.mapreduce.work import (
    Done,
    JobRunner,
    MapDone,
    MapWork,
    PartDone,
    PartWork,
    ReduceDone,
    ReduceWork,
    Work,
    WorkSetup,
)


def do_work(work: Work, setup: WorkSetup, runner: JobRunner, on_file: Callable[[int], None]) -> Done:
    """
    Do *work*, and return its result.

    Args:
        on_file: Called with the order of each file before it is read.

    Raises:
        MapReduceError: It fails, and would fail again.
        OSError: A disk operation failed.
    """
    if setup.profiles:
        with profiled(setup.folder / f"{work.name}{SUFFIX}"):
            return _do(work, setup, runner, on_file)
    return _do(work, setup, runner, on_file)


def _do(work: Work, setup: WorkSetup, runner: JobRunner, on_file: Callable[[int], None]) -> Done:
    if isinstance(work, MapWork):
        return map_task(work, setup, runner, on_file)
    if isinstance(work, ReduceWork):
        return _reduce(work, setup, runner)
    return _merge_part(work, setup, runner)


def map_task(work: MapWork, setup: WorkSetup, runner: JobRunner, on_file: Callable[[int], None]) -> MapDone:
    """Map a task: its pairs are in runs afterwards."""
    table = runner.new_table(setup.folder / work.name, setup.partitions, setup.budget_bytes)
    records, bad = runner.map_files(work.task, setup.held, table, on_file)
    table.spill()
    return MapDone(work.task, records, bad, tuple(tuple(paths) for paths in table.runs))


def _reduce(work: ReduceWork, setup: WorkSetup, runner: JobRunner) -> ReduceDone:
    head = runner.set_up()
    blocks = OutputBlocks(setup.folder / f"{work.name}-output")
    keys = count()
    records = merged_files(work.runs, setup.folder / f"{work.name}-merged", runner.combine)
    for text, kind, output in runner.reduce(counted(records, keys)):
        blocks.add(text, kind, output)
    return ReduceDone(work.partition, next(keys), head, tuple(blocks.end()))


def counted(records: Iterable[Record], keys: Iterator[int]) -> Iterator[Record]:
    """Yield *records*, and take a number of *keys* for each."""
    for record in records:
        next(keys)
        yield record


def _merge_part(work: PartWork, setup: WorkSetup, runner: JobRunner) -> PartDone:
    body = setup.folder / work.name
    name = setup.folder / f"{work.name}-merged"
    keys = count()
    records = merged_files(work.runs, name, runner.combine, combines_last=True)
    write_run(body, counted(records, keys))
    return PartDone(next(keys), body)
