"""Reads every byte of a folder, opened as far as that goes, by other means than the product."""

import base64
import io
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

import pyarrow.parquet as pq
from backports import zstd

ZSTD, GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08"


# With and without dashes; longer runs of digits are searched at each place.
UUIDS = re.compile(rb"(?=([0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}))")


def hits(root: Path, uuids: Iterable[str]) -> dict[str, set[str]]:
    """Return the files below *root* that hold one of *uuids*, in any spelling or as 16 bytes, and which."""
    wanted = {UUID(uuid).bytes: uuid for uuid in uuids}
    found: dict[str, set[str]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            for text in texts_in_file(path):
                here = {bytes.fromhex(each.replace(b"-", b"").decode()) for each in UUIDS.findall(text)}
                names = {wanted[uuid] for uuid in here & wanted.keys()}
                names |= {uuid for binary, uuid in wanted.items() if binary in text}
                if names:
                    found.setdefault(path.relative_to(root).as_posix(), set()).update(names)
    return found


def texts_in_file(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    yield from opened(data)
    if data.startswith(b"SQLite format 3\0"):
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, bytes):
                        yield from opened(value)
                    elif isinstance(value, str):
                        yield from opened(value.encode())
        connection.close()
    if data.startswith(b"PAR1"):
        table = pq.read_table(io.BytesIO(data))
        for column in table.columns:
            for value in column.to_pylist():
                yield value.bytes if isinstance(value, UUID) else str(value).encode()


def opened(data: bytes) -> Iterator[bytes]:
    """Yield *data*, and what is compressed anywhere in it."""
    yield data
    for found in re.finditer(re.escape(ZSTD), data):
        try:
            inflater = zstd.ZstdDecompressor()
            text = inflater.decompress(data[found.start() :])
        except zstd.ZstdError:
            continue
        yield text
        for body in re.findall(rb'"body_base64":"([^"]*)"', text):
            yield from gunzipped(base64.b64decode(body))
    yield from gunzipped(data)


def gunzipped(data: bytes) -> Iterator[bytes]:
    yield data
    for found in re.finditer(re.escape(GZIP), data):
        inflater = zlib.decompressobj(31)
        try:
            yield inflater.decompress(data[found.start() :])
        except zlib.error:
            continue
