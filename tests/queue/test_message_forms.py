"""What messages become."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.raw.framing import parse_record, record_prefix
from storage.raw.submission import Submission
from telemetry_server.queue.bagheera import BadBagheeraMessage, parse_bagheera
from telemetry_server.queue.message import Message, parse_place
from telemetry_server.queue.message_forms import MessageForm, MessageReader, headers_of
from telemetry_server.queue.share import Share, parse_share
from tests.support.data_root import an_id
from tests.support.frames import frame_batch

STORED = datetime(2026, 11, 28, 9, 30, 0, 123456, tzinfo=UTC)
HEADERS = MessageReader()
BAGHEERA = MessageReader(MessageForm.BAGHEERA)
BARE = MessageReader(MessageForm.BARE, "/submit/telemetry/{key}/main/Firefox/1/release/2")


def a_message(body: bytes = b"{}", headers: dict[str, str] | None = None, key: str = "") -> Message:
    return Message("nats:T/0", 7, body, headers or {}, key, STORED)


def field(number: int, value: int | bytes) -> bytes:
    """Return a field of protobuf; negative numbers as sint64."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value << 1 ^ value >> 63 if number == 6 else value)


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def bagheera(**more: int | bytes) -> bytes:
    values = {"n1": 0, "n2": b"telemetry", "n3": an_id(1).encode(), "n5": b'{"a": 1}'} | more
    return b"".join(field(int(name[1:]), value) for name, value in values.items())


def test_headers_say_what_a_raw_record_says():
    """`received_at` is kept to the microsecond; what is not given has its default."""
    headers = {
        "path": "/submit/telemetry/x",
        "received_at": "2026-11-27T23:59:59.999999Z",
        "query": "v=4",
        "method": "PUT",
        "protocol": "HTTP/1.0",
        "host": "h",
        "client_address": "10.0.0.0",
        "content-encoding": "gzip",
        "nats-msg-id": "1",
    }
    found = HEADERS.submission_of(a_message(b"body", headers))

    assert found == Submission(
        datetime(2026, 11, 27, 23, 59, 59, 999999, tzinfo=UTC),
        "/submit/telemetry/x",
        b"body",
        "v=4",
        "PUT",
        "HTTP/1.0",
        "h",
        {"content-encoding": "gzip"},
        "10.0.0.0",
        "nats:T/0@7",
    )


def test_without_received_at_the_time_of_the_broker_counts():
    found = HEADERS.submission_of(a_message(headers={"path": "/submit/telemetry/x"}))

    assert found.received_at == STORED
    assert not found.fault


FAULTY = {
    "no path": (HEADERS, a_message(headers={"received_at": "2026-11-27T23:59:59Z"}), "no header `path`"),
    "no time": (
        HEADERS,
        a_message(headers={"path": "/", "received_at": "yesterday"}),
        "`received_at` is not a time",
    ),
    "old time": (
        HEADERS,
        a_message(headers={"path": "/", "received_at": "1500-01-01T00:00:00Z"}),
        "not a time",
    ),
    "no protobuf": (BAGHEERA, a_message(b"{}"), "not a message of Bagheera"),
    "no namespace": (BAGHEERA, a_message(field(3, b"x")), "field 2 \\(namespace\\) is missing"),
    "no id": (BAGHEERA, a_message(field(2, b"telemetry")), "field 3 \\(id\\) is missing"),
    "id a number": (BAGHEERA, a_message(bagheera() + field(3, 5)), "field 3 is a number"),
    "time a text": (BAGHEERA, a_message(bagheera() + field(6, b"x")), "field 6 is not a number"),
    "id not UTF-8": (BAGHEERA, a_message(bagheera(n3=b"\xff")), "field 3 is not UTF-8"),
    "cut": (BAGHEERA, a_message(bagheera()[:-1]), "ends inside field 5"),
    "deletion": (BAGHEERA, a_message(bagheera(n1=1)), "deletes a document"),
    "long id": (BAGHEERA, a_message(bagheera(n3=b"x" * 2000)), "too long"),
    "time out of range": (BAGHEERA, a_message(bagheera(n6=2**62)), "out of range"),
}


@pytest.mark.parametrize("case", FAULTY)
def test_a_message_that_is_not_a_submission_is_kept_with_its_fault(case):
    """Whole, with its place."""
    reader, message, fault = FAULTY[case]
    found = reader.submission_of(message)

    assert re.search(fault, found.fault)
    assert (found.body, found.place, found.received_at) == (message.body, "nats:T/0@7", STORED)


def test_bagheera_gives_path_time_and_payload_and_drops_the_address():
    message = a_message(bagheera(n4=b"\x7f\0\0\1", n6=1_795_858_200_123))
    found = BAGHEERA.submission_of(message)

    assert found.path == f"/submit/telemetry/{an_id(1)}"
    assert found.body == b'{"a": 1}'
    assert found.received_at == datetime(2026, 11, 28, 9, 30, 0, 123000, tzinfo=UTC)
    assert found.client_address is None
    assert not found.fault


def test_bagheera_without_a_timestamp_has_the_time_of_the_broker():
    assert BAGHEERA.submission_of(a_message(bagheera())).received_at == STORED


def test_unknown_fields_of_bagheera_are_skipped():
    extra = varint(9 << 3 | 1) + bytes(8) + varint(10 << 3 | 5) + bytes(4) + field(11, b"x") + field(12, 3)

    assert BAGHEERA.submission_of(a_message(bagheera() + extra)).body == b'{"a": 1}'


def test_the_key_of_a_bare_message_is_put_into_the_template():
    found = BARE.submission_of(a_message(b"{}", key="a/b c"))

    assert found.path == "/submit/telemetry/a%2Fb%20c/main/Firefox/1/release/2"
    assert found.received_at == STORED


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bagheera_message_or_refused(data):
    try:
        parse_bagheera(data)
    except BadBagheeraMessage:
        return


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
SUBMISSIONS = st.builds(
    Submission,
    received_at=st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(
        lambda at: at.replace(tzinfo=UTC)
    ),
    path=TEXT.map(lambda text: f"/submit/{text}"),
    body=st.binary(max_size=50),
    query=st.just("") | TEXT,
    method=st.sampled_from(["POST", "PUT"]),
    protocol=st.sampled_from(["HTTP/1.1", "HTTP/1.0"]),
    host=st.just("") | TEXT,
    headers=st.dictionaries(st.sampled_from(["user-agent", "content-encoding", "date", "x-debug-id"]), TEXT),
    client_address=st.none() | st.just("10.0.0.0"),
)


@given(SUBMISSIONS)
def test_what_is_handed_on_comes_back_equal(submission):
    """Apart from the place, which it gets there."""
    found = HEADERS.submission_of(a_message(submission.body, headers_of(submission)))

    assert found == replace(submission, place=found.place)


@given(SUBMISSIONS, st.integers(0, 2**60))
def test_place_and_fault_are_in_the_raw_record(submission, position):
    prefix = record_prefix(bytes(16))
    placed = HEADERS.submission_of(
        Message(
            "kafka:c/T/3", position, submission.body, {"path": submission.path}, "", submission.received_at
        )
    )
    framed, _ = frame_batch([placed], offset=64, prefix=prefix, sequence=0)
    found = parse_record(framed, prefix)

    assert found == placed
    assert parse_place(found.place) == ("kafka:c/T/3", position)


@given(st.uuids(), st.integers(1, 9), st.booleans())
def test_every_id_falls_to_one_share_whatever_its_case(document_id, of, is_upper):
    text = str(document_id).upper() if is_upper else str(document_id)
    shares = [Share(number, of) for number in range(1, of + 1)]
    telemetry = [share.holds(f"/submit/telemetry/{text}/main", b"x") for share in shares]
    generic = [share.holds(f"/submit/org/metrics/1/{document_id}", b"y") for share in shares]

    assert sum(telemetry) == 1
    assert telemetry == generic


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "1/257", "a/b", "1/2/3", "-1/2"])
def test_another_text_is_not_a_share(text):
    with pytest.raises(ValueError, match="share"):
        parse_share(text)


def test_a_share_is_read_as_it_is_written():
    assert str(parse_share("2/3")) == "2/3"
