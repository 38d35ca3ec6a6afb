"""Reads every byte of a folder, opened as far as that goes, by other means than the product."""

import base64
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from backports import zstd

ZSTD, GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08"
BODIES = re.compile(rb'"body_base64":"([^"]*)"')
DIGITS = re.compile(rb"[0-9a-fA-F-]{32,}")
PREFIX_BYTES = 4
JOINED_BYTES = 16 << 20
STEP_BYTES = 64
ID_BYTES = 16


class Ids:
    """
    The ids to look for.

    A text may have them in any case, with and without dashes, also within a longer run of digits; or as
    16 bytes.
    """

    def __init__(self, uuids: Iterable[str]) -> None:
        self._names = {UUID(uuid).bytes: uuid for uuid in uuids}
        prefixes = {int.from_bytes(each[:PREFIX_BYTES], "little") for each in self._names}
        self._prefixes = pa.array(sorted(prefixes), pa.uint32())

    def names_in(self, text: bytes) -> set[str]:
        """Return which ids *text* holds."""
        return {self._names[found] for found in (*self._as_digits(text), *self._as_bytes(text))}

    def _as_digits(self, text: bytes) -> Iterator[bytes]:
        for run in DIGITS.findall(text):
            digits = run.replace(b"-", b"").decode()
            for start in range(len(digits) - 31):
                found = bytes.fromhex(digits[start : start + 32])
                if found in self._names:
                    yield found

    def _as_bytes(self, text: bytes) -> Iterator[bytes]:
        """Look at every place: the numbers at it and at each fourth byte from there are an array."""
        buffer = pa.py_buffer(text)
        for first in range(PREFIX_BYTES):
            count = (len(text) - first) // PREFIX_BYTES
            if count > 0:
                numbers = pa.Array.from_buffers(
                    pa.uint32(), count, [None, buffer.slice(first, count * PREFIX_BYTES)]
                )
                for index in pc.indices_nonzero(pc.is_in(numbers, self._prefixes)).to_pylist():
                    place = first + index * PREFIX_BYTES
                    found = text[place : place + 16]
                    if found in self._names:
                        yield found


def hits(root: Path, uuids: Iterable[str]) -> dict[str, set[str]]:
    """Return the files below *root* that hold one of *uuids*, in any spelling or as 16 bytes, and which."""
    ids = Ids(uuids)
    found: dict[str, set[str]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            for text in texts_in_file(path):
                if names := ids.names_in(text):
                    found.setdefault(path.relative_to(root).as_posix(), set()).update(names)
    return found


def texts_in_file(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    yield from opened(data)
    if data.startswith(b"SQLite format 3\0"):
        yield from _in_database(path)
    if data.startswith(b"PAR1"):
        yield from _in_parquet(data)


def _in_database(path: Path) -> Iterator[bytes]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = bytes
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        values: list[bytes] = []
        size = 0
        for row in connection.execute(f'SELECT * FROM "{table.decode()}"'):
            values += (value for value in row if isinstance(value, bytes))
            size += sum(len(value) for value in row if isinstance(value, bytes))
            if size > JOINED_BYTES:
                yield from opened(b"\n".join(values))
                values, size = [], 0
        yield from opened(b"\n".join(values))
    connection.close()


def _in_parquet(data: bytes) -> Iterator[bytes]:
    """Yield the memory of every column: texts one after another, ids as bytes."""
    file = pq.ParquetFile(pa.BufferReader(data))
    for group in range(file.num_row_groups):
        for column in file.read_row_group(group).columns:
            for chunk in column.chunks:
                yield from (buffer.to_pybytes() for buffer in chunk.buffers() if buffer is not None)


def opened(data: bytes) -> Iterator[bytes]:
    """
    Yield *data*, and what is compressed anywhere in it.

    It keeps only as many of the zeros at its end as an id has bytes.
    """
    data = data[: len(data.rstrip(b"\0")) + ID_BYTES]  # files are made larger before they are written
    view = memoryview(data)
    for found in re.finditer(re.escape(ZSTD), data):
        text = _frame(view[found.start() :])
        yield text
        for body in BODIES.findall(text):
            yield from gunzipped(base64.b64decode(body))
    yield from gunzipped(data)


def _frame(view: memoryview) -> bytes:
    """Return the content of the zstd frame at the start of *view*, even if the frame is cut off."""
    try:
        return zstd.decompress(view[: zstd.get_frame_size(view)])
    except zstd.ZstdError:
        try:
            return zstd.ZstdDecompressor().decompress(view)
        except zstd.ZstdError:
            return b""


def gunzipped(data: bytes) -> Iterator[bytes]:
    """Yield *data*, and the content of every gzip member in it, up to its end or its damage."""
    yield data
    places = [found.start() for found in re.finditer(re.escape(GZIP), data)]
    view = memoryview(data)
    for number, place in enumerate(places):
        # A member usually ends before the next one, but may hold the same three bytes.
        for end in (*places[number + 1 : number + 2], len(data)):
            inflater = zlib.decompressobj(31)
            try:
                text = inflater.decompress(view[place:end])
            except zlib.error:
                yield _up_to_damage(view[place:end])
                break
            if inflater.eof or end == len(data):
                yield text
                break


def _up_to_damage(view: memoryview) -> bytes:
    inflater = zlib.decompressobj(31)
    parts = []
    try:
        for start in range(0, len(view), STEP_BYTES):
            parts.append(inflater.decompress(view[start : start + STEP_BYTES]))
    except zlib.error:
        pass
    return b"".join(parts)
