"""
Summary files: columns of whole numbers in compressed blocks, found by name without reading the rest.

A file is ``telemetry-summary 1``, the blocks, the index as compressed JSON, the length of that (8 bytes), and
a digest of all before it.  A block is a line of JSON that names its columns, and their bytes, compressed by
zstd.  Equal content gives equal bytes.
"""

import hashlib
import os
import sys
import weakref
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from storage.disk import Disk
from storage.errors import BrokenAggregate
from storage.open_files import opened

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"telemetry-summary 1\n"
LEVEL = 1
DIGEST_BYTES = 32
# Blocks beside those of metrics; no metric has such a name.
INNER_PREFIX = "\0"
CLIENTS = f"{INNER_PREFIX}clients"
"""The ids of the clients that cells name by number."""
DIMENSIONS = f"{INNER_PREFIX}dimensions"
"""The dimensions that cells name by number, and their pairs of channel and version."""
METRICS = f"{INNER_PREFIX}metrics"
"""What pairs and processes each metric has."""
WRITTEN_AT_ONCE_BYTES = 1 << 20
LENGTH_BYTES = 8
TRAILER_BYTES = LENGTH_BYTES + DIGEST_BYTES
# Type codes of `array`, by the bytes of a number; little-endian, as on every machine that this runs on.
TYPE_OF_WIDTH = {1: "b", 2: "h", 4: "i", 8: "q"}


def compressor_version() -> str:
    """Return the release of the library that compresses."""
    return f"zstd {zstd.zstd_version}"


class Column(NamedTuple):
    """Whole numbers as bytes, all of the same width."""

    name: str
    width: int  # bytes: 1, 2, 4 or 8
    data: bytes


def numbers_of(column: Column) -> "array[int]":
    """Return the numbers of *column*."""
    numbers = array(TYPE_OF_WIDTH[column.width])
    numbers.frombytes(column.data)
    return numbers


class Block(NamedTuple):
    """One block: its columns by name, and other values."""

    columns: "dict[str, array[int]]"
    values: dict[str, Any]


class SummaryWriter:
    """Writes one summary file, whole and synced when `finish` returns."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk = disk
        self.path = path
        self._descriptor = disk.create(path)
        self._digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self._size = 0
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._blocks: dict[str, list[list[int]]] = {}
        self._write(MAGIC)

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._size += len(data)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= WRITTEN_AT_ONCE_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._disk.write(self._descriptor, [b"".join(self._held)])
        self._held, self._held_bytes = [], 0

    def add(self, name: str, columns: Sequence[Column], values: Mapping[str, Any]) -> None:
        """Add a block; several of one name are read one after another."""
        listed = [[column.name, column.width, len(column.data)] for column in columns]
        head = orjson.dumps({"columns": listed, "values": values})
        data = zstd.compress(b"".join((head, b"\n", *(column.data for column in columns))), LEVEL)
        self._blocks.setdefault(name, []).append([self._size, len(data)])
        self._write(data)

    def finish(self, index: Mapping[str, Any]) -> str:
        """
        Write the *index* and the end; return the digest of the file.

        Raises:
            OSError: The disk refuses.
        """
        data = zstd.compress(orjson.dumps({**index, "blocks": self._blocks}), LEVEL)
        self._write(data)
        self._write(len(data).to_bytes(LENGTH_BYTES, "little"))
        digest = self._digest.digest()
        self._held.append(digest)
        self._flush()
        self._disk.sync_data(self._descriptor)
        self.close()
        return digest.hex()

    def close(self) -> None:
        """Close the file, finished or not."""
        if self._descriptor >= 0:
            self._disk.close(self._descriptor)
            self._descriptor = -1


class Summary:
    """
    One summary file for reading; it stays open, so that a new file in its place changes nothing here.

    Raises:
        FileNotFoundError: There is none.
        BrokenAggregate: It is cut short or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = opened(path)
        weakref.finalize(self, os.close, self._descriptor)
        size = os.fstat(self._descriptor).st_size
        trailer = os.pread(self._descriptor, TRAILER_BYTES, max(0, size - TRAILER_BYTES))
        length = int.from_bytes(trailer[:LENGTH_BYTES], "little")
        start = size - TRAILER_BYTES - length
        if len(trailer) < TRAILER_BYTES or start < len(MAGIC):
            raise BrokenAggregate(f"{path}: cut short")
        self.digest = trailer[LENGTH_BYTES:].hex()
        self.index: dict[str, Any] = orjson.loads(self._inflated_at(start, length))

    @property
    def metrics(self) -> list[str]:
        """The metrics that have blocks, in their order."""
        return [name for name in self.index["blocks"] if not name.startswith(INNER_PREFIX)]

    def values(self, name: str) -> dict[str, Any]:
        """
        Return the values of the one block named *name*, without its columns.

        Raises:
            BrokenAggregate: It is damaged or missing.
        """
        blocks = self.blocks(name)
        if len(blocks) != 1:
            raise BrokenAggregate(f"{self.path}: damaged")
        return blocks[0].values

    def packed(self, name: str) -> bytes:
        """
        Return the compressed block *name*, as it is in the file; equal blocks have equal bytes.

        Raises:
            BrokenAggregate: It is missing.
        """
        places = self.index["blocks"].get(name, ())
        if len(places) != 1:
            raise BrokenAggregate(f"{self.path}: damaged")
        start, length = places[0]
        return os.pread(self._descriptor, length, start)

    def blocks(self, name: str) -> list[Block]:
        """
        Return the blocks named *name*.

        Raises:
            BrokenAggregate: One is damaged.
        """
        places = self.index["blocks"].get(name, ())
        return [_block(self._inflated_at(start, length)) for start, length in places]

    def is_whole(self) -> bool:
        """Return whether every byte is as it was written."""
        data = os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)
        wanted = hashlib.blake2b(data[:-DIGEST_BYTES], digest_size=DIGEST_BYTES).digest()
        return data[-DIGEST_BYTES:] == wanted and data.startswith(MAGIC)

    def _inflated_at(self, start: int, length: int) -> bytes:
        return _inflated(self.path, os.pread(self._descriptor, length, start))


def unpacked(packed: bytes) -> Block:
    """
    Return the block in *packed*, the bytes from `Summary.packed`.

    Raises:
        BrokenAggregate: It is damaged.
    """
    try:
        return _block(zstd.decompress(packed))
    except zstd.ZstdError:
        raise BrokenAggregate("damaged") from None


def _inflated(path: Path, data: bytes) -> bytes:
    try:
        return zstd.decompress(data)
    except zstd.ZstdError:
        raise BrokenAggregate(f"{path}: damaged") from None


def _block(data: bytes) -> Block:
    end = data.index(b"\n")
    head = orjson.loads(data[:end])
    columns: dict[str, array[int]] = {}
    start = end + 1
    for name, width, length in head["columns"]:
        columns[name] = numbers_of(Column(name, width, data[start : start + length]))
        start += length
    return Block(columns, head["values"])
