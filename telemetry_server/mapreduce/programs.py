"""Jobs of simple programs, in any language, that read and write lines."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import IO

from telemetry_server.mapreduce.bad_records import BadRecords
from telemetry_server.mapreduce.errors import JobFailed
from telemetry_server.mapreduce.inputs import HeldFiles
from telemetry_server.mapreduce.pair_table import PairTable
from telemetry_server.mapreduce.plain_values import OBJECT_BYTES, TEXT
from telemetry_server.mapreduce.plan import MapTask
from telemetry_server.mapreduce.python_runner import lines_of
from telemetry_server.mapreduce.runs import Combine, Record, values_of
from telemetry_server.mapreduce.work import Output

READ_BYTES = 1 << 16
# Of a program, and of one that its shell started.
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """
    Shell commands: ``map`` reads lines ``<docid> <dims as a JSON list> <record>``, separated by tabs.

    ``map`` and ``combine`` write lines ``<key> <value>``; ``combine`` and ``reduce`` read them sorted by key.
    """

    map: str
    combine: str | None = None
    reduce: str | None = None

    @property
    def digest(self) -> str:
        """A hash of the commands."""
        return sha256(json.dumps([self.map, self.combine, self.reduce]).encode()).hexdigest()

    @property
    def reduces_once(self) -> bool:
        """One reduce program sees all keys in order, so that its output is the output."""
        return True

    @property
    def reads_ahead(self) -> bool:
        """A pipe holds records of files that the program has not read yet."""
        return True

    def runner(self) -> "ProgramRunner":
        """Return what runs the programs."""
        return ProgramRunner(self)


class ProgramRunner:
    """Runs the programs of one job."""

    def __init__(self, spec: ProgramSpec) -> None:
        self._spec = spec

    @property
    def combine(self) -> Combine | None:
        """None: a program combines the values of many keys at once."""
        return None

    def new_table(self, name: Path, partitions: int, budget_bytes: int) -> PairTable:
        """Return an empty table for the pairs of a task."""
        combines = self._spec.combine is not None and self._spec.reduce is not None
        return PairTable(
            name, partitions, combine_all=self._combined if combines else None, budget_bytes=budget_bytes
        )

    def map_files(
        self, task: MapTask, held: HeldFiles, table: PairTable, on_file: Callable[[int], None]
    ) -> tuple[int, BadRecords]:
        """
        Run ``map`` once over the records of *task*; return how many there were.

        Raises:
            JobFailed: It ended with another status than 0.
        """
        table.start_file(task.files[0].order)
        records = 0

        def lines() -> Iterator[bytes]:
            nonlocal records
            for file in task.files:
                on_file(file.order)
                dims = b"\t" + json.dumps(file.dims).encode() + b"\t"
                for line in lines_of(held, file):
                    records += 1
                    yield line.replace(b"\t", dims, 1) + b"\n"

        with _running("map", self._spec.map, lines()) as output:
            for line in output:
                key, value = _pair(line)
                table.add(key, value, OBJECT_BYTES + len(value))
        return records, BadRecords()

    def _combined(self, records: list[Record]) -> list[Record]:
        assert self._spec.combine is not None
        combined: list[Record] = []
        waiting = iter(records)
        with _running("combine", self._spec.combine, map(_line, _pairs(records))) as output:
            for line in output:
                key, value = _pair(line)
                record = next(waiting, None)
                if record is None or record[0] != key:
                    raise JobFailed(
                        f"combine wrote key {key!r} where it must write one line for each key, in order"
                    )
                combined.append((*record[:3], [record[3][0], [value]]))
        missing = next(waiting, None)
        if missing is not None:
            raise JobFailed(f"combine wrote no line for key {missing[0]!r}")
        return combined

    def set_up(self) -> bytes:
        """Programs have nothing to set up."""
        return b""

    def reduce(self, records: Iterable[Record]) -> Iterator[Output]:
        """Run ``reduce`` once over all records; yield its output, in order."""
        if self._spec.reduce is None:
            for record in records:
                yield record[0], TEXT, b"".join(_line((record[0], value)) for value in values_of(record[3]))
            return
        with _running("reduce", self._spec.reduce, map(_line, _pairs(records))) as output:
            while lines := output.readlines(READ_BYTES):
                yield "", TEXT, b"".join(lines)


def _pairs(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    for record in records:
        for value in values_of(record[3]):
            yield record[0], value


def _line(pair: tuple[str, str]) -> bytes:
    return f"{pair[0]}\t{pair[1]}\n".encode("utf-8", "surrogateescape")


def _pair(line: bytes) -> tuple[str, str]:
    key, _, value = line.rstrip(b"\n").decode("utf-8", "surrogateescape").partition("\t")
    return key, value


@contextmanager
def _running(name: str, command: str, lines: Iterator[bytes]) -> Iterator[IO[bytes]]:
    """
    Run *command* with *lines* as its input; the block reads its output to the end.

    Raises:
        JobFailed: It ended with another status than 0.
        Exception: What *lines* raises.
    """
    words: Sequence[str] = ["/bin/sh", "-c", command]
    failures: list[Exception] = []
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - the user's
    assert process.stdin is not None
    assert process.stdout is not None
    feeder = Thread(target=_feed, args=(process.stdin, lines, failures), name="feeder", daemon=True)
    feeder.start()
    try:
        yield process.stdout
    except BaseException:
        # What the shell has started ends with the group of this process.
        process.kill()
        raise
    feeder.join()
    process.stdout.close()
    status = process.wait()
    if failures:
        raise failures[0]
    if status in KILLED:
        # As if this process had been killed: it is tried again.
        os.kill(os.getpid(), signal.SIGKILL)
    if status:
        raise JobFailed(f"the {name} program ended with status {status}: {command}")


def _feed(stream: IO[bytes], lines: Iterator[bytes], failures: list[Exception]) -> None:
    """Write *lines* to *stream* and close it; a program may stop reading early."""
    try:
        for line in lines:
            stream.write(line)
        stream.close()
    except BrokenPipeError:
        with suppress(BrokenPipeError):
            stream.close()
    except Exception as error:
        failures.append(error)
        stream.close()
