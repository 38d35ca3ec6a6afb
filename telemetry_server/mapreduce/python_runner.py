"""Runs the functions of a job file."""

import gc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from storage.errors import ArchiveError, DamagedObject
from storage.partitions.frames import DamagedFrame, read_lines
from telemetry_server.mapreduce.bad_records import BadRecords
from telemetry_server.mapreduce.contexts import CombineContext, MapContext, OutputContext
from telemetry_server.mapreduce.errors import ArchiveUnusable, JobFailed, UnreadableFile
from telemetry_server.mapreduce.inputs import HeldFiles, InputFile
from telemetry_server.mapreduce.job_file import LoadedJob, described
from telemetry_server.mapreduce.pair_table import COMBINE_AT, PairTable
from telemetry_server.mapreduce.plan import MapTask
from telemetry_server.mapreduce.runs import Combine, Record, key_of, values_of
from telemetry_server.mapreduce.work import Output
from telemetry_server.records.stored_line import parsed_record, split_line

MAX_KEY_CHARACTERS = 100


def lines_of(held: HeldFiles, file: InputFile) -> Iterator[bytes]:
    """
    Yield the lines of *file*.

    Raises:
        UnreadableFile: It is damaged.
        ArchiveUnusable: It is only in the archive, which does not answer.
        FileNotFoundError: It is gone.
    """
    try:
        with held.open(file) as stream:
            yield from read_lines(stream, file.length)
    except (EOFError, DamagedFrame, DamagedObject) as error:
        raise UnreadableFile(
            f"{file.path} is damaged ({error}), and nothing was written; telemetry-server audit says more"
        ) from None
    except ArchiveError as error:
        raise ArchiveUnusable(f"{error}; nothing was written") from None


class PythonRunner:
    """Runs one loaded job in this process."""

    def __init__(self, job: LoadedJob) -> None:
        self._job = job
        self._context = MapContext()
        self._combined = CombineContext()

    @property
    def combine(self) -> Combine | None:
        """Calls the job's ``combine``; None without one, or without ``reduce``: then every pair is output."""
        return self._combine if self._job.combine and self._job.reduce else None

    def _combine(self, key: Any, values: list[Any]) -> Any:
        assert self._job.combine is not None
        try:
            self._job.combine(key, values, self._combined)
            return self._combined.only_value(key)
        except JobFailed:
            raise
        except Exception as error:
            raise self._failure(error, f"combine failed for key {_shown(key)}") from None

    def new_table(self, name: Path, partitions: int, budget_bytes: int) -> PairTable:
        """Return an empty table for the pairs of a task."""
        return PairTable(name, partitions, combine=self.combine, budget_bytes=budget_bytes)

    def map_files(
        self, task: MapTask, held: HeldFiles, table: PairTable, on_file: Callable[[int], None]
    ) -> tuple[int, BadRecords]:
        """
        Map the records of *task*; return how many there were, and the bad ones.

        Raises:
            JobFailed: The job raised something else than ValueError, KeyError or TypeError.
        """
        bad = BadRecords()
        records = 0
        for file in task.files:
            on_file(file.order)
            table.start_file(file.order)
            # A parsed record is thousands of objects without cycles: the collector would find nothing.
            gc.disable()
            try:
                records += self._map_lines(file, lines_of(held, file), table, bad)
            finally:
                gc.enable()
        return records, bad

    def _map_lines(self, file: InputFile, lines: Iterable[bytes], table: PairTable, bad: BadRecords) -> int:
        map_record, is_parsed = self._job.map, self._job.is_parsed
        context, dims, add = self._context, list(file.dims), table.add
        pairs = context.pairs
        number = 0
        for number, line in enumerate(lines, start=1):
            try:
                document_id, text = split_line(line)
                value = parsed_record(text) if is_parsed else text.decode()
                map_record(document_id, dims.copy(), value, context)
            except (ValueError, KeyError, TypeError) as error:
                if context.failure is None:
                    bad.add(file.order, number, f"{_id_in(line)}: {described(error, self._job.file)}")
                    pairs.clear()
                    continue
            except (Exception, SystemExit) as error:
                if context.failure is None:
                    raise self._failure(error, f"map failed for record {_id_in(line)}") from None
            if context.failure is not None:
                raise self._failure(context.failure, f"map failed for record {_id_in(line)}") from None
            for key, copy, size in pairs:
                add(key, copy, size)
            pairs.clear()
        return number

    def set_up(self) -> bytes:
        """Call the job's ``setup_reduce``; return what it wrote."""
        self._output = OutputContext()
        if self._job.setup_reduce is not None:
            try:
                self._job.setup_reduce(self._output)
            except (Exception, SystemExit) as error:
                raise self._failure(error, "setup_reduce failed") from None
        return self._output.take()

    def reduce(self, records: Iterable[Record]) -> Iterator[Output]:
        """Reduce each record; yield what was written."""
        output, reduce, combine = self._output, self._job.reduce, self.combine
        for record in records:
            key, values = key_of(record), values_of(record[3])
            if combine is not None and len(values) >= COMBINE_AT:
                values = [combine(key, values)]
            try:
                if reduce is None:
                    for value in values:
                        output.write(key, value)
                else:
                    reduce(key, values, output)
            except (Exception, SystemExit) as error:
                raise self._failure(error, f"reduce failed for key {_shown(key)}") from None
            yield str(key), record[1], output.take()

    def _failure(self, error: BaseException, during: str) -> JobFailed:
        return JobFailed(f"{during}: {described(error, self._job.file)}")


def _id_in(line: bytes) -> str:
    return line.partition(b"\t")[0][:100].decode("utf-8", "replace")


def _shown(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= MAX_KEY_CHARACTERS else f"{text[:MAX_KEY_CHARACTERS]}…"
