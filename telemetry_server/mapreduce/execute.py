"""Whole runs: a job over a data root, a part of one, and the merging of parts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from storage.data_root import DataRoot
from storage.identity import read_identity
from storage.ledger.ledger import Ledger
from telemetry_server.mapreduce.bad_records import BadRecords
from telemetry_server.mapreduce.filter import EVERYTHING, FolderFilter, read_filter
from telemetry_server.mapreduce.inputs import HeldFiles, Selection, Snapshot, known_dimensions, select_files
from telemetry_server.mapreduce.output_file import TakesBytes
from telemetry_server.mapreduce.parts import check_parts, header_of, read_part, runs_of, write_part
from telemetry_server.mapreduce.profiling import profile_of
from telemetry_server.mapreduce.run import LocalRun, Mapped, RunOptions, Totals
from telemetry_server.mapreduce.work import JobSpec
from telemetry_server.mapreduce.work_folder import work_folder

OpenOutput = Callable[[], AbstractContextManager[TakesBytes]]
"""Opens the output, which appears whole when the block ends without an exception."""
OpenBar = Callable[[], AbstractContextManager["Bar"]]
"""Shows a progress bar while the block runs."""


class Bar(Protocol):
    """Shows how far mapping is, in bytes."""

    def advance(self, amount: float = 1) -> None:
        """Add *amount* to what is done."""

    def total(self, amount: float) -> None:
        """Set the total to *amount*."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run reads, where it keeps its files meanwhile, and where it maps."""

    root: DataRoot
    work: Path
    cluster: str | None = None  # address of a scheduler; None: on this machine

    @contextmanager
    def run(self, job: JobSpec, held: HeldFiles, folder: Path, options: RunOptions) -> Iterator[LocalRun]:
        """
        Open a run of *job*.

        Raises:
            ClusterFailed, ClusterNotInstalled: The cluster cannot be used.
        """
        if self.cluster is None:
            with LocalRun(job, held, folder, options) as run:
                yield run
            return
        from telemetry_server.mapreduce.cluster import ClusterRun, connected

        with (
            connected(self.cluster) as client,
            ClusterRun(job, held, folder, options) as cluster_run,
        ):
            cluster_run.client = client
            yield cluster_run


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did, for the user."""

    totals: Totals
    bad: BadRecords
    selection: Selection
    profile: str | None = None


def filter_of(root: DataRoot, path: Path | None) -> FolderFilter:
    """
    Return the filter in the file *path*; without one, everything.

    Raises:
        UnreadableFile, BadFilter: It cannot be used.
    """
    if path is None:
        return EVERYTHING
    with Ledger.for_reading(root) as ledger:
        return read_filter(path, known_dimensions(ledger))


def run_job(
    job: JobSpec,
    wanted: FolderFilter,
    place: Place,
    options: RunOptions,
    *,
    open_output: OpenOutput,
    open_bar: OpenBar,
) -> Report:
    """
    Run *job* over what is committed now, and write its output.

    Raises:
        MapReduceError: It fails; nothing is written.
        StorageFull: The work folder is full.
    """
    totals = Totals()
    with _snapshot(place.root, wanted) as snapshot, work_folder(place.work) as folder:
        selection = snapshot.selection
        if not selection.files:
            with open_output():
                return Report(totals, BadRecords(), selection)
        with place.run(job, snapshot.held, folder, options) as run:
            mapped = _mapped(run, selection, open_bar)
            snapshot.close()
            _count(totals, selection, mapped)
            reduced = run.reduce(mapped.runs)
        totals.keys = reduced.keys
        with open_output() as stream:
            for part in reduced.parts():
                stream.write(part)
        return Report(totals, mapped.bad, selection, profile_of(folder))


def make_part(
    job: JobSpec,
    wanted: FolderFilter,
    place: Place,
    options: RunOptions,
    *,
    open_output: OpenOutput,
    open_bar: OpenBar,
) -> Report:
    """Map and combine what is committed now, and write it as a part; raises as `run_job` does."""
    totals = Totals()
    bad = BadRecords()
    with _snapshot(place.root, wanted) as snapshot, work_folder(place.work) as folder:
        selection = snapshot.selection
        body = None
        if selection.files:
            with place.run(job, snapshot.held, folder, options) as run:
                mapped = _mapped(run, selection, open_bar)
                done = run.merge_part(mapped.runs)
            bad = mapped.bad
            _count(totals, selection, mapped)
            totals.keys, body = done.keys, done.body
        header = header_of(job.digest, wanted.digest, _id_of(place.root), selection, bad.count)
        with open_output() as stream:
            write_part(stream, header, body)
        return Report(totals, bad, selection, profile_of(folder))


def _mapped(run: LocalRun, selection: Selection, open_bar: OpenBar) -> Mapped:
    with open_bar() as bar:
        bar.total(sum(file.length for file in selection.files))
        return run.map(selection, bar.advance)


def merge_parts(job: JobSpec, paths: Sequence[Path], work: Path, open_output: OpenOutput) -> Totals:
    """
    Combine and reduce the parts at *paths*, and write the output.

    Raises:
        BadPart: A part is damaged, or they do not belong together; nothing is written.
        MapReduceError, StorageFull: As for `run_job`.
    """
    totals = Totals()
    parts = [read_part(path) for path in paths]
    check_parts(parts, job.digest)
    for part in parts:
        totals.files += part.header.files
        totals.records += part.header.records
        totals.skipped += part.header.skipped
    with work_folder(work) as folder:
        if not totals.files:
            with open_output():
                return totals
        with LocalRun(job, HeldFiles(Path(), 0, {}), folder, RunOptions(mappers=1)) as run:
            reduced = run.reduce([runs_of(parts)])
        totals.keys = reduced.keys
        with open_output() as stream:
            for output in reduced.parts():
                stream.write(output)
    return totals


def _snapshot(root: DataRoot, wanted: FolderFilter) -> Snapshot:
    def select() -> Selection:
        with Ledger.for_reading(root) as ledger:
            return select_files(ledger, wanted)

    return Snapshot(root, select)


def _count(totals: Totals, selection: Selection, mapped: Mapped) -> None:
    totals.files = len(selection.files)
    totals.records = mapped.records
    totals.skipped = mapped.bad.count


def _id_of(root: DataRoot) -> str:
    """Return the id of *root*; where it has none, its path."""
    with Ledger.for_reading(root) as ledger:
        found = ledger.root_id()
    identity = read_identity(root.identity)
    return found or (identity.root_id if identity else str(root.path))
