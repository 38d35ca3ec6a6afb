"""The frame of raw records: documented bytes, and round trips."""

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import DamagedRecord, TornRecord
from storage.raw.framing import (
    FILE_HEADER_BYTES,
    FileHeader,
    arrival_of,
    header_json,
    parse_file_header,
    parse_head,
    parse_record,
    record_prefix,
    submission_in,
)
from storage.raw.record_frames import (
    MIN_APART_BYTES,
    frame,
    header_of,
    header_rest,
    plain_frame,
    plain_stamped,
    record_of,
)
from tests.support.frames import frame_batch
from tests.support.submissions import a_submission, submissions

BOOT_ID = bytes(range(16))
PREFIX = record_prefix(BOOT_ID)


def test_a_file_header_has_the_documented_bytes():
    """64 bytes: magic, version 1, worker 3, boot id, number 7, microseconds, zeros, CRC-32C."""
    packed = FileHeader(3, BOOT_ID, 7, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)).packed()

    assert len(packed) == FILE_HEADER_BYTES
    assert packed[:60] == (
        b"TLGSEG01"
        + bytes.fromhex("0100 0000 03000000")
        + BOOT_ID
        + bytes.fromhex("0700000000000000 40420f0000000000")
        + bytes(12)
    )
    assert packed[60:] == crc32c(packed[:60]).to_bytes(4, "little")
    assert parse_file_header(packed) == FileHeader(3, BOOT_ID, 7, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))


def test_a_ping_and_its_batch_commit_have_the_documented_bytes():
    """Head of 28 bytes and its CRC, header JSON, body, CRC of both; then zeros up to 8 and the commit."""
    submission = a_submission(1, body=b"\x1f\x8b abc")
    header = header_json(submission)
    head = PREFIX + bytes.fromhex("01 01 0100") + len(header).to_bytes(4, "little")
    head += (6).to_bytes(4, "little") + (5).to_bytes(8, "little")
    ping = head + crc32c(head).to_bytes(4, "little") + header + b"\x1f\x8b abc"
    ping += crc32c(header + b"\x1f\x8b abc").to_bytes(4, "little")
    commit = PREFIX + bytes.fromhex("01 02 0000 00000000 00000000 0500000000000000")
    commit += crc32c(commit).to_bytes(4, "little") + bytes(4)

    framed, last = frame_batch([submission], offset=61, prefix=PREFIX, sequence=4)

    assert last == 5
    assert framed == bytes(3) + ping + bytes(-(64 + len(ping)) % 8) + commit


def test_the_header_always_has_six_decimals_and_utc():
    """``datetime.isoformat`` alone drops a fraction of zero."""
    noon = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=2)))

    assert b'"received_at":"2026-11-22T10:00:00.000000Z"' in header_json(a_submission(received_at=noon))


def test_a_lone_surrogate_does_not_fail_its_batch():
    """It is escaped instead."""
    framed, _ = frame_batch([a_submission(path="/submit/\udc80")], offset=0, prefix=PREFIX, sequence=0)

    assert parse_record(framed, PREFIX).path == "/submit/\\udc80"


@given(st.lists(submissions, min_size=1, max_size=5), st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_framed_submissions_are_parsed_unchanged(batch, offset, sequence):
    """This holds for every field, at any offset of a file."""
    framed, last = frame_batch(batch, offset=offset, prefix=PREFIX, sequence=sequence)

    found, position = [], 0
    while len(found) < len(batch):
        position += -(offset + position) % 8
        head = parse_head(framed, position, PREFIX)
        assert head is not None
        found.append(parse_record(framed[position : position + head.record_bytes], PREFIX))
        position += head.record_bytes
    assert found == batch
    assert last == sequence + len(batch)


@given(submissions, st.data())
def test_every_flipped_bit_of_a_record_is_detected(submission, data):
    """The CRC of the head or of the data differs; padding is not part of the record."""
    framed, _ = frame_batch([submission], offset=0, prefix=PREFIX, sequence=0)
    head = parse_head(framed, 0, PREFIX)
    assert head is not None
    record = bytearray(framed[: head.record_bytes])
    bit = data.draw(st.integers(0, len(record) * 8 - 1))
    record[bit // 8] ^= 1 << bit % 8

    with pytest.raises((DamagedRecord, TornRecord)):
        parse_record(bytes(record), PREFIX)


@given(submissions, st.data())
def test_a_truncated_record_is_torn(submission, data):
    """It is never read as a shorter submission."""
    framed, _ = frame_batch([submission], offset=0, prefix=PREFIX, sequence=0)
    head = parse_head(framed, 0, PREFIX)
    assert head is not None

    with pytest.raises(TornRecord):
        parse_record(framed[: data.draw(st.integers(0, head.record_bytes - 1))], PREFIX)


SIZES = (
    0,
    1,
    7,
    8,
    9,
    511,
    1535,
    1536,
    1537,
    12287,
    12288,
    12289,
    MIN_APART_BYTES - 1,
    MIN_APART_BYTES,
    40_001,
)


@pytest.mark.parametrize("size", SIZES)
def test_the_checksum_of_a_body_of_any_size_is_right(size):
    """Long bodies are summed in several runs at once, and are buffers of their own."""
    bodies = [bytes((17 * place + number) % 251 for place in range(size)) for number in range(3)]
    batch = [a_submission(number, body=body) for number, body in enumerate(bodies)]
    framed, _ = frame_batch(batch, offset=5, prefix=PREFIX, sequence=0)

    position = 3
    for body in bodies:
        head = parse_head(framed, position, PREFIX)
        assert head is not None
        assert parse_record(framed[position : position + head.record_bytes], PREFIX).body == body
        position += head.record_bytes
        position += -(position + 5) % 8


@pytest.mark.parametrize("size", [0, 5, MIN_APART_BYTES])
def test_a_body_may_be_the_end_of_a_longer_text(size):
    """The bytes are the same as for the body alone."""
    alone = record_of(a_submission(1, body=b"\x1f\x8b" + bytes(size)))
    longer = alone._replace(text=b"POST / HTTP/1.1" + alone.text, start=15)

    for form in (frame, plain_frame):
        assert b"".join(form([longer], 9, PREFIX, 1)[0]) == b"".join(form([alone], 9, PREFIX, 1)[0])


@given(submissions, st.datetimes(timezones=st.just(UTC)))
def test_a_header_is_a_moment_and_a_rest(submission, moment):
    """The compiled form and the plain form give what `header_json` writes."""
    rest = header_rest(submission)

    assert header_of(submission.received_at, rest) == header_json(submission)
    assert header_of(moment, rest) == plain_stamped(moment, rest)


def test_what_is_not_a_batch_is_refused():
    """The compiled form reads no memory that is not there."""
    for wrong in ([()], [("day", b"", b"")], [("day", "", b"", 0)], [("day", b"", "", 0)], [None]):
        with pytest.raises((TypeError, ValueError)):
            frame(wrong, 0, PREFIX, 0)
    with pytest.raises((TypeError, ValueError)):
        frame([(None, bytes((1 << 20) + 1), b"", 0)], 0, PREFIX, 0)


@pytest.mark.parametrize(
    "name", [None, "received_at", "path", "query", "method", "protocol", "host", "headers"]
)
@pytest.mark.parametrize("value", [None, "", [], 7])
def test_a_header_describes_a_submission_if_it_can_be_read_as_one(name, value):
    """Whole, without a field, with another value of a field, cut, or not an object."""
    header = header_json(a_submission(1))
    fields = orjson.loads(header)
    others = [header[:-1], b"", b"[]", b"7", b"null", header + header]
    if name is not None:
        others += [orjson.dumps(fields | {name: value})]
        del fields[name]
        others += [orjson.dumps(fields)]
    for text in [header, *others]:
        try:
            submission_in(text, b"")
            is_read = True
        except DamagedRecord:
            is_read = False

        assert (arrival_of(text) is not None) == is_read, text
