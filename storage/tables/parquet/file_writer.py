"""
Writes Parquet files whose columns are encoded by compiled code.

They read like those of PyArrow's writer, which takes several times as long: that makes a compressor for
each column of each row group, and looks at each number of a list many times.

Source: parquet.thrift and README.md of Apache Parquet.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from storage.tables.parquet.column_chunks import PLAIN, RLE, ColumnChunk, Statistics
from storage.tables.parquet.kinds import Kind
from storage.tables.parquet.schema import elements_of, paths_of
from storage.tables.parquet.thrift import Value, binary, i16, i32, i64, list_of, structure

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from storage.tables.compiled.page_bodies import Page

MAGIC = b"PAR1"
FORMAT_VERSION = 2
CREATED_BY = "telemetry-server version 1"  # of this writer
# Numbers of parquet.thrift.
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_ZSTD = 6

Write = Callable[[Sequence[bytes]], object]


class FileWriter:
    """
    Writes row groups, then the end of the file.

    Args:
        columns: What each column holds, in order.
        write: Appends bytes to the file.
        level: Of zstd.
    """

    def __init__(self, columns: Mapping[str, Kind], write: Write, level: int) -> None:
        self._columns = columns
        self._write = write
        self._compressor = zstd.ZstdCompressor(level)
        self._groups: list[Value] = []
        self._rows = 0
        self._size = len(MAGIC)
        write([MAGIC])

    def write(self, chunks: Mapping[str, Sequence[ColumnChunk]], rows: int) -> None:
        """
        Write one row group of so many *rows*.

        Args:
            chunks: By the name of the column, one for each of its paths.
        """
        group = _RowGroup(self._size, self._compressor)
        for name, kind in self._columns.items():
            for path, chunk in zip(paths_of(name, kind), chunks[name], strict=True):
                group.add(path, chunk)
        self._write(group.parts)
        self._groups.append(group.described(rows, len(self._groups)))
        self._rows += rows
        self._size = group.end

    def close(self) -> None:
        """Write the end of the file."""
        order = structure({1: structure({})})  # texts and numbers are compared by their values
        paths = sum(len(paths_of(name, kind)) for name, kind in self._columns.items())
        footer = structure(
            {
                1: i32(FORMAT_VERSION),
                2: list_of(elements_of(self._columns)),
                3: i64(self._rows),
                4: list_of(self._groups),
                6: binary(CREATED_BY),
                7: list_of([order] * paths),
            }
        ).data
        self._write([footer, len(footer).to_bytes(4, "little"), MAGIC])


@dataclass(slots=True)
class _RowGroup:
    end: int  # in the file, of what was added
    compressor: "zstd.ZstdCompressor"
    parts: list[bytes] = field(default_factory=list)
    chunks: list[Value] = field(default_factory=list)
    size: int = 0  # before compression
    compressed_size: int = 0

    def add(self, path: tuple[str, ...], chunk: ColumnChunk) -> None:
        """Add the pages of *chunk*, the column at *path*."""
        begin = self.end
        size_before = self.size
        if chunk.dictionary is not None:
            header = {7: structure({1: i32(chunk.dictionary.values), 2: i32(PLAIN)})}
            self._add_page(_DICTIONARY_PAGE, chunk.dictionary, header)
        first_data = self.end
        for page in chunk.pages:
            header = {5: structure({1: i32(page.values), 2: i32(chunk.encoding), 3: i32(RLE), 4: i32(RLE)})}
            self._add_page(_DATA_PAGE, page, header)
        has_dictionary = chunk.dictionary is not None
        encodings = [PLAIN, RLE, chunk.encoding] if has_dictionary else [RLE, chunk.encoding]
        counts = [(_DATA_PAGE, chunk.encoding, len(chunk.pages))]
        if has_dictionary:
            counts.insert(0, (_DICTIONARY_PAGE, PLAIN, 1))
        described = structure(
            {
                1: i32(chunk.type),
                2: list_of([i32(encoding) for encoding in encodings]),
                3: _described_path(path),
                4: i32(_ZSTD),
                5: i64(sum(page.values for page in chunk.pages)),
                6: i64(self.size - size_before),
                7: i64(self.end - begin),
                9: i64(first_data),
                11: i64(begin) if has_dictionary else None,
                12: _described(chunk.statistics),
                13: list_of([_described_pages(*count) for count in counts]),
            }
        )
        self.chunks.append(structure({2: i64(0), 3: described}))
        self.compressed_size += self.end - begin

    def _add_page(self, kind: int, page: "Page", more: dict[int, Value]) -> None:
        body = bytes(self.compressor.compress(page.body, self.compressor.FLUSH_FRAME))
        sizes = {1: i32(kind), 2: i32(len(page.body)), 3: i32(len(body))}
        header = structure(sizes | more).data
        self.parts += [header, body]
        self.end += len(header) + len(body)
        self.size += len(header) + len(page.body)

    def described(self, rows: int, number: int) -> Value:
        """Return what the footer says of this group, which has *rows*."""
        return structure(
            {
                1: list_of(self.chunks),
                2: i64(self.size),
                3: i64(rows),
                5: i64(self.end - self.compressed_size),
                6: i64(self.compressed_size),
                7: i16(number) if number < 1 << 15 else None,
            }
        )


@cache
def _described_path(path: tuple[str, ...]) -> Value:
    return list_of([binary(part) for part in path])


@lru_cache(256)
def _described_pages(kind: int, encoding: int, count: int) -> Value:
    return structure({1: i32(kind), 2: i32(encoding), 3: i32(count)})


def _described(statistics: Statistics | None) -> Value | None:
    if statistics is None:
        return None
    limits = {
        number: None if limit is None else binary(limit)
        for number, limit in ((5, statistics.most), (6, statistics.least))
    }
    return structure({3: i64(statistics.nulls), **limits})
