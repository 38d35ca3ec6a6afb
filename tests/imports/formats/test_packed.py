"""Packed logs: the three layouts, and the acceptance cases 12 to 17 for them."""

import gzip
import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry_server.imports.formats.exported_ping import ExportDamage, ExportFormat
from telemetry_server.imports.formats.packed_layout import (
    EARLIEST_MS,
    LATEST_MS,
    MAX_DATA_BYTES,
    PackedVersion,
    encode_record,
)
from tests.imports.formats.samples import DIMENSIONS, TIME_MS, document_id, read
from tests.support.shared_data import shared_data

V0, V1, V2 = PackedVersion


def a_record(path: bytes = b"abcd", data: bytes = b'{"a":8}', time_ms: int = TIME_MS) -> bytes:
    return encode_record(V1, path, data, time_ms)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (V1, "1e 0400 07000000 17f53f0841010000 75312f78 7b2261223a387d"),
        (V2, "1e 09 0400 07000000 17f53f0841010000 3132372e302e302e31 75312f78 7b2261223a387d"),
        (V0, "04000000 07000000 17f53f0841010000 75312f78 7b2261223a387d"),
    ],
)
def test_case_12_the_worked_example_is_written_byte_for_byte_and_read_back(version, expected):
    """The three layouts of one record are 26, 36 and 27 bytes, and each gives the same ping."""
    record = encode_record(version, b"u1/x", b'{"a":8}', 1378822911255, ip=b"127.0.0.1")
    pings, reader = read(record)

    assert record == bytes.fromhex(expected)
    assert len(record) == {V1: 26, V2: 36, V0: 27}[version]

    (ping,) = pings
    assert (ping.path, ping.body) == ("/submit/telemetry/u1/x", b'{"a":8}')
    assert ping.received_at == datetime(2013, 9, 10, 14, 21, 51, 255_000, tzinfo=UTC)
    assert reader.format is ExportFormat.PACKED
    assert not reader.is_damaged


def test_case_13_a_v2_record_counts_header_address_path_and_body():
    """85 bytes of path, 7 of body and a 9-byte address make 117."""
    assert len(encode_record(V2, b"p" * 85, b'{"a":8}', TIME_MS, ip=b"127.0.0.1")) == 117


@pytest.mark.parametrize("time_ms", [1, TIME_MS])
def test_case_14_two_identical_records_are_two_pings(time_ms):
    """The converter finds duplicates.  Time 1, as in the original, is a clock that was never set."""
    pings, reader = read(a_record(time_ms=time_ms) * 2)

    assert [(ping.path, ping.body) for ping in pings] == [("/submit/telemetry/abcd", b'{"a":8}')] * 2
    assert pings[0].received_at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    assert not reader.is_damaged


@pytest.mark.parametrize("time_ms", [0, 1, LATEST_MS, 2**64 - 1])
def test_an_implausible_time_is_damage_if_other_times_are_plausible(time_ms):
    pings, reader = read(a_record(b"one") + a_record(time_ms=time_ms) + a_record(b"two"))

    assert [ping.path[-3:] for ping in pings] == ["one", "two"]
    assert reader.damaged == ExportDamage(records=1, bytes=26)


@pytest.mark.parametrize("time_ms", [1, TIME_MS])
def test_case_15_a_lone_header_with_an_absurd_length_loses_nothing_else(time_ms):
    """Example A: both good records are read; the 15 bytes in between are damage."""
    lone = struct.pack("<BHIQ", 0x1E, 65_535, 7, time_ms)
    pings, reader = read(a_record(b"one", time_ms=time_ms) + lone + a_record(b"two", time_ms=time_ms))

    assert [ping.path[-3:] for ping in pings] == ["one", "two"]
    assert reader.damaged == ExportDamage(records=1, bytes=15)


@pytest.mark.parametrize("time_ms", [1, TIME_MS])
def test_case_16_a_wrong_path_length_damages_only_that_record(time_ms):
    """Example B: the good record is read; the broken one is counted."""
    broken = struct.pack("<BHIQ", 0x1E, 2, 7, time_ms) + b'abcd{"a":8}'
    pings, reader = read(broken + a_record(b"good", time_ms=time_ms))

    assert [ping.path for ping in pings] == ["/submit/telemetry/good"]
    assert reader.damaged == ExportDamage(records=1, bytes=26)


@pytest.mark.parametrize("time_ms", [1, TIME_MS])
def test_case_17_a_truncated_gzip_body_does_not_affect_other_records(time_ms):
    """Its record is intact, so it is returned as it is."""
    cut = gzip.compress(b'{"a":8}' * 50, mtime=0)[:-12]
    pings, reader = read(a_record(b"cut", cut, time_ms) + a_record(b"good", time_ms=time_ms))

    assert [(ping.path[-4:], ping.body) for ping in pings] == [("/cut", cut), ("good", b'{"a":8}')]
    assert not reader.is_damaged


@pytest.mark.parametrize(
    "body", [cut_body := gzip.compress(b"x" * 99, mtime=0)[:-5], b"not json", b"", b'{"a":']
)
@pytest.mark.parametrize("version", PackedVersion)
def test_an_intact_record_is_returned_with_any_body(version, body):
    """Bodies are checked by the converter; only boundaries count here, even before a damaged neighbour."""
    records = [encode_record(version, document_id(n) + DIMENSIONS, body, TIME_MS) for n in range(3)]
    separator_lost = bytes([records[1][0] ^ 0x40]) + records[1][1:]
    pings, _ = read(records[0] + separator_lost + records[2])

    assert [ping.body for ping in pings if document_id(1).decode() not in ping.path] == [body, body]


def test_stray_line_ends_between_logs_are_not_damage():
    """Logs that each end in a stray LF are joined."""
    pings, reader = read((a_record() + b"\n") * 3)

    assert len(pings) == 3
    assert not reader.is_damaged


def test_stray_bytes_do_not_affect_the_records_around_them():
    """They are counted as bytes; they are too few for a record."""
    pings, reader = read(a_record(b"one") + b"???" + a_record(b"two"))

    assert [ping.path[-3:] for ping in pings] == ["one", "two"]
    assert reader.damaged == ExportDamage(records=0, bytes=3)


def test_a_cut_last_record_is_counted_as_damage():
    pings, reader = read(a_record(b"one") + a_record(b"two")[:-1])

    assert [ping.path[-3:] for ping in pings] == ["one"]
    assert reader.damaged == ExportDamage(records=1, bytes=24)


@pytest.mark.parametrize("version", PackedVersion)
def test_a_wrong_length_that_ends_at_a_later_record_hides_no_record(version):
    """Likely with records of one size: the records inside show that the length is wrong."""
    records = [encode_record(version, document_id(n), b'{"a":8}', TIME_MS) for n in range(6)]
    header_bytes = len(records[0]) - 36 - 7
    at = header_bytes - 12
    wrong = bytearray(records[1])
    struct.pack_into("<I", wrong, at, 7 + 2 * len(records[0]))
    pings, reader = read(b"".join([records[0], bytes(wrong), *records[2:]]))

    assert [ping.path for ping in pings] == [
        f"/submit/telemetry/{document_id(n).decode()}" for n in (0, 2, 3, 4, 5)
    ]
    assert reader.damaged == ExportDamage(records=1, bytes=len(records[0]))


@pytest.mark.parametrize("body", [a_record(b"inner"), b"look: " + a_record(b"inner") + b" end"])
def test_a_body_that_contains_a_packed_record_is_one_ping(body):
    """Lengths that agree with the following record are accepted."""
    pings, reader = read(a_record(b"outer", body) + a_record(b"next"))

    assert [ping.body for ping in pings] == [body, b'{"a":8}']
    assert not reader.is_damaged


def test_data_over_the_limit_is_damage():
    """1 MiB is accepted; the old server never wrote more."""
    largest = a_record(b"largest", b"x" * MAX_DATA_BYTES)
    too_large = a_record(b"too-large", b"x" * (MAX_DATA_BYTES + 1))
    pings, reader = read(a_record() + largest + too_large + a_record(b"last"))

    assert [ping.path.rpartition("/")[2] for ping in pings] == ["abcd", "largest", "last"]
    assert reader.damaged == ExportDamage(records=1, bytes=len(too_large))


def test_paths_are_returned_as_urls():
    """Bytes not allowed in URLs are escaped; an empty remainder, which the old server accepted, stays."""
    pings, _ = read(b"".join(a_record(path) for path in (b"id/saved session", "id/é%2F".encode(), b"")))

    assert [ping.path.removeprefix("/submit/telemetry/") for ping in pings] == [
        "id/saved%20session",
        "id/%C3%A9%2F",
        "",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("telemetry.log.v2.host.1.2", b"\x00" * 9), ("telemetry.log.v1.host.1.2", b"\x00" * 9)],
)
def test_bytes_decide_the_layout_before_the_file_name(name, expected):
    """A v1 log is read as v1 under any name."""
    pings, reader = read(a_record(b"id", expected) * 4, name=name)

    assert [ping.body for ping in pings] == [expected] * 4
    assert not reader.is_damaged


def test_the_original_servers_sample_log():
    """One record and one stray LF: nothing is damaged."""
    pings, reader = read(shared_data("pings", "classic-v1", "telemetry1.log").read_bytes())

    (ping,) = pings
    assert ping.path == (
        "/submit/telemetry/17caa68c-25f5-450a-9cce-7d31318846d8"
        "/idle-daily/Firefox/23.0.1/release/20130814063812"
    )
    assert len(ping.body) == 18_255
    assert (
        gzip.decompress(ping.body)
        == shared_data("pings", "classic-v1", "telemetry1.record0.json").read_bytes()
    )
    assert not reader.is_damaged


def test_text_beyond_ascii_is_unchanged():
    """The two records of the unicode sample have the same ping, once gzipped and once not."""
    pings, reader = read(shared_data("pings", "packed", "unicode.v1.packed").read_bytes())

    gzipped, plain = (ping.body for ping in pings)
    assert gzip.decompress(gzipped).decode("utf-8").rstrip("\n") == plain.decode("utf-8").rstrip("\n")
    assert not plain.isascii()
    assert not reader.is_damaged


@given(
    version=st.sampled_from(PackedVersion),
    records=st.lists(
        st.tuples(
            st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60),
            st.binary(max_size=60),
            st.integers(EARLIEST_MS, LATEST_MS - 1),
            st.sampled_from([b"", b"127.0.0.1", b"8.8.8.8, 2001:db8::1"]),
        ),
        min_size=1,
        max_size=6,
    ),
)
@example(version=PackedVersion.V0, records=[("0", b"\0", 2**41, b"")])
@example(version=PackedVersion.V0, records=[("0" * 30, b"", EARLIEST_MS, b"")])  # its first byte is SEP
def test_written_records_are_read_back(version, records):
    """Any paths, bodies and times."""
    log = b"".join(
        encode_record(version, path.encode(), data, time_ms, ip) for path, data, time_ms, ip in records
    )
    pings, reader = read(log)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    assert [(ping.path, ping.body, ping.received_at) for ping in pings] == [
        (
            path if path.startswith("/submit/") else f"/submit/telemetry/{path}",
            data,
            epoch + timedelta(milliseconds=time_ms),
        )
        for path, data, time_ms, _ in records
    ]
    assert not reader.is_damaged
