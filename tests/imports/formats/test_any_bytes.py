"""Readers on arbitrary bytes: no exception, no hang, bounded memory."""

import gzip
import io
import lzma
import random
import struct
import time
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import UnknownExport
from telemetry_server.imports.formats.export_reader import open_export
from telemetry_server.imports.formats.exported_ping import ExportFormat
from telemetry_server.imports.formats.packed_layout import PackedVersion, encode_record
from tests.imports.formats.samples import (
    TIME_MS,
    Trickle,
    document_id,
    dump_records,
    line_records,
    packed_records,
    read,
)
from tests.support.sizes import size

FORMS = [form for form in ExportFormat if form is not ExportFormat.AUTO]
VALID = {
    **{version: b"".join(packed_records(6, version, random.Random(3))) for version in PackedVersion},
    "export": b"".join(dump_records(6)),
    "lines": b"".join(line_records(6)),
}
VALID |= {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in list(VALID.items())}
VALID |= {f"{name}.lzma": lzma.compress(VALID[name], format=lzma.FORMAT_ALONE) for name in ("lines", "v1")}


def taken_bytes(export: bytes, form: ExportFormat) -> int:
    """Read *export* to its end, and check that the counted bytes are plausible."""
    try:
        pings, reader = read(export, format=form)
    except UnknownExport:
        return 0
    damaged = reader.damaged
    assert damaged.bytes >= 0
    assert damaged.records <= damaged.bytes
    return sum(len(ping.body) for ping in pings) + damaged.bytes


@pytest.mark.parametrize("form", ExportFormat)
@given(export=st.binary(max_size=400))
def test_any_bytes_are_read_to_their_end(form, export):
    """Every reader accepts them, and returns or counts no more bytes than there are."""
    if not export.startswith((b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ")):
        assert taken_bytes(export, form) <= len(export)


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "repeat"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=30),
    ),
    max_size=5,
)


def mutated(data: bytes, mutations: list[tuple[str, float, bytes]]) -> bytes:
    for kind, where, piece in mutations:
        at = int(where * len(data))
        if kind == "flip":
            data = (
                data[:at]
                + bytes(a ^ b for a, b in zip(data[at:], piece, strict=False))
                + data[at + len(piece) :]
            )
        elif kind == "cut":
            data = data[:at] + data[at + len(piece) :]
        elif kind == "insert":
            data = data[:at] + piece + data[at:]
        else:
            data = data[:at] + data[at // 2 :]
    return data


@pytest.mark.parametrize("name", VALID)
@given(mutations=MUTATIONS, form=st.sampled_from(ExportFormat))
def test_mutated_exports_are_read_to_their_end(name, mutations, form):
    """With the right format, a wrong one, or none."""
    taken_bytes(mutated(VALID[name], mutations), form)


@pytest.mark.parametrize("name", ["v0", "v1", "v2", "export", "lines"])
@given(mutations=MUTATIONS, max_bytes=st.integers(1, 200))
@settings(max_examples=30)
def test_the_size_of_reads_does_not_matter(name, mutations, max_bytes):
    """Small reads of a pipe give the same pings and the same damage."""
    export = mutated(VALID[name], mutations)
    form = ExportFormat(name) if name in FORMS else ExportFormat.PACKED
    pings, at_once = read(export, format=form)
    trickled = open_export(Trickle(export, max_bytes), format=form)

    assert [(ping.path, ping.body) for ping in trickled] == [(ping.path, ping.body) for ping in pings]
    assert trickled.damaged == at_once.damaged


class Endless(io.RawIOBase):
    """A stream that repeats *pattern* up to *total_bytes* without holding them."""

    def __init__(self, pattern: bytes, total_bytes: int) -> None:
        self._pattern = pattern * (1 + (1 << 20) // len(pattern))
        self._left = total_bytes

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        piece = self._pattern[: min(size, self._left, 1 << 20)]
        self._left -= len(piece)
        return piece


def tricky_patterns() -> Iterator[tuple[str, bytes]]:
    """Return patterns that readers might search again and again."""
    yield "zeros", b"\0"
    yield "separators", b"\x1e"
    yield "tabs", b"\t"
    yield "line ends", b"\n"
    yield "random", random.Random(1).randbytes(1 << 20)
    for version in PackedVersion:
        # A header every few bytes, each with a length of 1 MiB.
        claim = encode_record(version, b"p", b"", TIME_MS)
        at = len(claim) - 13
        yield f"claims {version}", claim[:at] + struct.pack("<I", 1 << 20) + claim[at + 4 :]
        bomb = gzip.compress(b"\0" * (1 << 19), mtime=0)
        yield f"bombs {version}", encode_record(version, b"p", bomb, TIME_MS) + b"?"
        yield f"open braces {version}", encode_record(version, b"p", b'{"a":[' * 9_000, TIME_MS) + b"?"
    yield "dump headers without line ends", dump_records(1)[0][:46]
    yield "dump headers in braces", dump_records(1)[0][:46] + b'{"a":"'
    yield "ids without line ends", document_id(1) + b"\t{"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "pattern"), list(tricky_patterns()))
def test_time_and_memory_stay_bounded(form, name, pattern):
    """4 MiB of any pattern take seconds, not minutes; of bombs, 1 MiB in CI, which holds almost 1 GiB."""
    length = (size(1, 4) if name.startswith("bombs") else 4) << 20
    reader = open_export(Endless(pattern, length), format=form)
    began = time.process_time()
    for _ in reader:
        pass

    assert time.process_time() - began < 10


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pattern", [b"\x1e", b"x", b"id\t" + b"x" * 5_000 + b"\n"])
def test_memory_does_not_grow_with_the_stream(form, pattern):
    """100 MiB are read in less than 80 MiB; packed logs need far less."""
    tracemalloc.start()
    try:
        for _ in open_export(Endless(pattern, 100 << 20), format=form):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < (12 << 20 if form is ExportFormat.PACKED else 80 << 20)
