"""Exports for the tests: distinct pings, and ways to read bytes like a file."""

import gzip
import io
import json
import random
from datetime import date
from typing import Any

from telemetry_server.imports.formats.dump import encode_dump_record
from telemetry_server.imports.formats.export_reader import ExportReader, open_export
from telemetry_server.imports.formats.exported_ping import ExportedPing
from telemetry_server.imports.formats.packed_layout import PackedVersion, encode_record

TIME_MS = 1378822911255
DAY = date(2013, 9, 10)
DIMENSIONS = b"/idle-daily/Firefox/23.0.1/release/20130814063812"


def document_id(number: int) -> bytes:
    return b"%08x-25f5-450a-9cce-7d31318846d8" % (number * 2_654_435_761 % 2**32)


def body_of(number: int, rng: random.Random) -> bytes:
    """Return a JSON object as clients sent it; every other one is gzipped."""
    text = json.dumps({"ver": 1, "number": number, "log": rng.randbytes(rng.randrange(300)).hex()}).encode()
    return gzip.compress(text, mtime=0) if number % 2 else text


def packed_records(count: int, version: PackedVersion, rng: random.Random) -> list[bytes]:
    return [
        encode_record(version, document_id(n) + DIMENSIONS, body_of(n, rng), TIME_MS + n, b"192.0.2.1")
        for n in range(count)
    ]


def dump_records(count: int) -> list[bytes]:
    return [encode_dump_record(DAY, document_id(n), b'{"ver":1,"number":%d}' % n) for n in range(count)]


def line_records(count: int) -> list[bytes]:
    return [document_id(n) + b'\t{"ver":1,"number":%d}\n' % n for n in range(count)]


def read(export: bytes, **options: Any) -> tuple[list[ExportedPing], ExportReader]:
    """Return all pings of *export*, and its reader."""
    reader = open_export(io.BytesIO(export), **options)
    return list(reader), reader


class Trickle(io.RawIOBase):
    """A pipe that cannot seek and returns only a few bytes at a time."""

    def __init__(self, data: bytes, max_bytes: int = 7) -> None:
        self._data = io.BytesIO(data)
        self._max_bytes = max_bytes

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(min(self._max_bytes, size) if size >= 0 else self._max_bytes)
