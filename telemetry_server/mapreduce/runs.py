"""
Sorted runs: pairs in order of their keys, in files of zstd frames, and the merging of many into one.

A run is a sequence of blocks, each a length (4 bytes, little-endian) and a list of records in
Python's marshal format, version 2, which all versions read.  A record is

    (text, kind, key or None, [position, values, position, values, …])

with the identity of a key (plain_values.py), the key itself where it is not its text, and its values with the
position of the first of each list.  An empty list is the end of the run.
"""

import heapq
import marshal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from storage.partitions.frames import DamagedFrame, compress_frame
from telemetry_server.mapreduce.errors import BadPart
from telemetry_server.mapreduce.plain_values import TEXT

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

POSITION_BITS = 40
"""A position is the order of a file, and in so many bits which pair of that file it is."""
MARSHAL_VERSION = 2
BLOCK_RECORDS = 512
BLOCK_BYTES = 64 << 10
MAX_BLOCK_BYTES = 1 << 31
MAX_OPEN_RUNS = 32
"""More runs than these are merged in several rounds, so that memory and open files stay bounded."""

Segments = list[Any]
Record = tuple[str, int, Any, Segments]
Combine = Callable[[Any, list[Any]], Any]
"""Called with a key and at least two of its values; returns one value."""

identity_in = itemgetter(0, 1)


def key_of(record: Record) -> Any:
    """Return the key of *record* as the job wrote it first."""
    return record[0] if record[1] == TEXT else record[2]


def values_of(segments: Segments) -> list[Any]:
    """Return all values of *segments*, in their order."""
    if len(segments) == 2:
        values: list[Any] = segments[1]
        return values
    return [value for values in segments[1::2] for value in values]


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class RunWriter:
    """Writes one run to *stream*."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._records: list[Any] = []
        self._bytes = 0

    def add(self, record: tuple[Any, ...], size: int) -> None:
        """Write *record* of about *size* bytes, now or later."""
        self._records.append(record)
        self._bytes += size
        if self._bytes >= BLOCK_BYTES or len(self._records) >= BLOCK_RECORDS:
            self._write()

    def end(self) -> None:
        """Write what is left, and the end of the run."""
        if self._records:
            self._write()
        self._write()

    def _write(self) -> None:
        self._stream.write(_block(self._records))
        self._records, self._bytes = [], 0


def _block(records: list[Any]) -> bytes:
    data = marshal.dumps(records, MARSHAL_VERSION)
    return compress_frame(len(data).to_bytes(4, "little") + data)


def end_of_run() -> bytes:
    """Return the end of a run: alone, an empty run."""
    return _block([])


def write_run(path: Path, records: Iterable[Record]) -> None:
    """Write *records*, in order, to the new file *path*."""
    with path.open("xb") as stream:
        writer = RunWriter(stream)
        for record in records:
            writer.add(record, _size_of(record[3]))
        writer.end()


def _size_of(segments: Segments) -> int:
    """Return about how many bytes *segments* take when written; only lists and texts count."""
    size = 0
    for values in segments[1::2]:
        size += 16 * len(values)
        for value in values[:1]:
            if type(value) in (list, tuple, dict, str, bytes):
                size += 8 * len(value) * len(values)
    return size


def read_blocks(plain: _Readable) -> Iterator[Any]:
    """
    Yield the records of the uncompressed run *plain*.

    Raises:
        BadPart: It is damaged, or cut short.
    """
    while True:
        try:
            length = int.from_bytes(plain.read(4), "little")
            if not 0 < length < MAX_BLOCK_BYTES:
                raise BadPart("it is cut short, or damaged")
            records = marshal.loads(plain.read(length))  # noqa: S302 - our own data; frames have checksums
        except (EOFError, ValueError, TypeError, DamagedFrame) as error:
            raise BadPart(f"it is cut short, or damaged: {error}") from None
        if not records:
            return
        yield from records


@dataclass(frozen=True, slots=True)
class RunFile:
    """
    A file that holds a run.

    *orders* is of a part: the order of each of its files among the files of all parts.  A part begins
    with a line of JSON.
    """

    path: Path
    orders: tuple[int, ...] | None = None

    def read(self) -> Iterator[Any]:
        """
        Yield the records.

        Raises:
            BadPart: The file is damaged, or cut short.
        """
        with self.path.open("rb") as stream, zstd.ZstdFile(stream) as plain:
            if self.orders is None:
                yield from read_blocks(plain)
                return
            try:
                plain.readline()
                for record in read_blocks(plain):
                    yield (*record[:3], _moved(record[3], self.orders))
            except (BadPart, DamagedFrame, EOFError, IndexError, TypeError) as error:
                raise BadPart(f"{self.path}: {error}") from None


def _moved(segments: Segments, orders: Sequence[int]) -> Segments:
    """Return *segments* with positions among the files of all parts."""
    moved = segments.copy()
    moved[::2] = [
        orders[position >> POSITION_BITS] << POSITION_BITS | position & (1 << POSITION_BITS) - 1
        for position in segments[::2]
    ]
    return moved


def merged(runs: Sequence[Iterator[Record]], combine: Combine | None = None) -> Iterator[Record]:
    """
    Yield one record for each key of *runs*, in order; its values are in order of their positions.

    Args:
        combine: Makes one value of several of a key, if there is one.
    """
    records = runs[0] if len(runs) == 1 else heapq.merge(*runs, key=identity_in)
    for _, group in groupby(records, key=identity_in):
        record = _joined(list(group))
        if combine is not None:
            values = values_of(record[3])
            if len(values) > 1:
                record = (*record[:3], [record[3][0], [combine(key_of(record), values)]])
        yield record


def _joined(records: list[Record]) -> Record:
    if len(records) == 1:
        return records[0]
    records.sort(key=lambda record: record[3][0])  # the first position
    segments = [part for record in records for part in record[3]]
    positions = segments[::2]
    if any(after < before for before, after in pairwise(positions)):
        pairs = sorted(zip(positions, segments[1::2], strict=True), key=itemgetter(0))
        segments = [part for pair in pairs for part in pair]
    return (*records[0][:3], segments)


def merged_files(
    runs: Sequence[RunFile], name: Path, combine: Combine | None, *, combines_last: bool = False
) -> Iterator[Record]:
    """
    Yield the merged records of *runs*, with at most `MAX_OPEN_RUNS` of them open at a time.

    Args:
        name: Begins the paths of intermediate runs.
        combines_last: Whether the values that are yielded are combined, too, and not only those in between.
    """
    level = 0
    while len(runs) > MAX_OPEN_RUNS:
        joined = []
        for start in range(0, len(runs), MAX_OPEN_RUNS):
            some = runs[start : start + MAX_OPEN_RUNS]
            target = name.with_name(f"{name.name}-{level}-{start}")
            write_run(target, merged([run.read() for run in some], combine))
            if level:
                for run in some:
                    run.path.unlink()
            joined.append(RunFile(target))
        runs, level = joined, level + 1
    if runs:
        yield from merged([run.read() for run in runs], combine if combines_last else None)
