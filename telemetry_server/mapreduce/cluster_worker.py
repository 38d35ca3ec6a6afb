"""What a worker of a cluster does: maps one task, and returns its runs as bytes."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from threading import Lock

from telemetry_server.mapreduce.bad_records import BadRecords
from telemetry_server.mapreduce.errors import ClusterFailed, MapReduceError
from telemetry_server.mapreduce.inputs import HeldFiles
from telemetry_server.mapreduce.one_work import map_task
from telemetry_server.mapreduce.plan import MapTask
from telemetry_server.mapreduce.python_spec import PythonSpec
from telemetry_server.mapreduce.work import Failed, JobSpec, MapWork, WorkSetup

# A worker may run several tasks in threads, but loaded jobs and the collector are of the whole process.
_one_task = Lock()


@dataclass(frozen=True, slots=True)
class FileVanished:
    """A file of the task is gone; the data root is there."""


@dataclass(frozen=True, slots=True)
class TaskMapped:
    """A task is mapped."""

    records: int
    bad: BadRecords
    runs: tuple[tuple[bytes, ...], ...]  # by partition


ClusterResult = TaskMapped | FileVanished | Failed


def our_version() -> str:
    """Return the version of this package, which all machines must have in common."""
    return version("telemetry-server")


@dataclass(frozen=True, slots=True)
class ClusterSetup:
    """What all tasks of one run have in common."""

    job: JobSpec
    root: Path
    partitions: int
    budget_bytes: int
    version: str


def map_on_worker(task: MapTask, given: ClusterSetup) -> ClusterResult:
    """
    Map *task* in this process.

    What fails is a value: an exception would be tried again.
    """
    if our_version() != given.version:
        return Failed(ClusterFailed(f"a worker has telemetry-server {our_version()}, not {given.version}"))
    if not given.root.is_dir():
        return Failed(
            ClusterFailed(f"a worker does not see {given.root}: mount it there, or make parts with --part")
        )
    with _one_task, tempfile.TemporaryDirectory(prefix="telemetry-mapreduce-") as name:
        folder = Path(name)
        setup = WorkSetup(
            given.job, HeldFiles(given.root, 0, {}), folder, given.partitions, given.budget_bytes
        )
        try:
            with _unpacked(given.job, folder) as unpacked:
                done = map_task(MapWork(task), setup, unpacked.runner(), lambda order: None)
        except FileNotFoundError:
            return FileVanished()
        except MapReduceError as error:
            return Failed(error)
        runs = tuple(tuple(path.read_bytes() for path in paths) for paths in done.runs)
        return TaskMapped(done.records, done.bad, runs)


@contextmanager
def _unpacked(job: JobSpec, folder: Path) -> Iterator[JobSpec]:
    """Put a job file and its modules into *folder*; forget them afterwards, because jobs change."""
    if not isinstance(job, PythonSpec):
        yield job
        return
    place = folder / "job"
    place.mkdir()
    for name, source in job.file.modules:
        (place / name).write_bytes(source)
    try:
        yield PythonSpec(replace(job.file, path=str(place / job.file.name)))
    finally:
        if str(place) in sys.path:
            sys.path.remove(str(place))
        for name, _ in job.file.modules:
            sys.modules.pop(Path(name).stem, None)
