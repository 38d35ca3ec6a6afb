"""The compiled reader and the plain reader make the same record of a whole request."""

from datetime import UTC, datetime, timedelta, timezone
from time import monotonic, sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.raw.framing import header_json
from storage.raw.record_frames import RawRecord, submission_of
from telemetry_server.edge.fast_head import fast_head
from telemetry_server.edge.whole_request import PlainReader, Reader, WholeRequest
from tests.attacks.cases import CASES
from tests.edge.test_fast_head import LIMITS, LINE, OTHERS, PLAIN, THREE

MOMENT = datetime(2026, 11, 28, 23, 59, 59, 7, tzinfo=UTC)
MAX_BODY_BYTES = LIMITS.max_body_bytes


@pytest.fixture(scope="module")
def has_fast_lane():
    """Nothing here depends on it."""


def both(
    received: bytes,
    moment: datetime = MOMENT,
    limits: tuple[int, int, int] = THREE,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> WholeRequest | None:
    """Return the result of both readers for *received*; check that it is the same, with the same types."""
    found, plain = (
        reader(limits, max_body_bytes, lambda: moment, RawRecord)(received)
        for reader in (Reader, PlainReader)
    )

    assert found == plain, received
    assert found is None or [*map(type, found), *map(type, found[0])] == [
        *map(type, plain),
        *map(type, plain[0]),
    ]
    return plain


def a_whole(name: bytes = b"telemetry", body: bytes = b"{}", more: bytes = b"") -> bytes:
    """Return a plain request."""
    head = b"POST /submit/%b/id/main?a=b HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n%b\r\n"
    return head % (name, len(body), more) + body


@pytest.mark.parametrize("body", [b"", b"{}", b"\x1f\x8b" + bytes(40_000), b"\r\n\r\n"])
def test_the_record_holds_the_request(body):
    """Its header is what `header_json` writes of the same submission."""
    found = both(a_whole(body=body, more=b'User-Agent: a "quoted" \\ agent\r\nConnection: close\r\n'))

    assert found is not None
    record, namespace, body_bytes, is_last = found
    submission = submission_of(record)
    assert (namespace, body_bytes, is_last) == ("telemetry", len(body), True)
    assert (record.day, record.body_bytes) == (MOMENT.date(), len(body))
    assert (submission.received_at, submission.path) == (MOMENT, "/submit/telemetry/id/main")
    assert (submission.query, submission.body) == ("a=b", body)
    assert header_json(submission) == record.header


@pytest.mark.parametrize(
    "received",
    [
        a_whole()[:-1],
        a_whole() + b"x",
        a_whole() + a_whole(),
        a_whole(more=b"Origin: https://x\r\n"),
        a_whole(name=b"a%20b"),
        a_whole(body=bytes(MAX_BODY_BYTES + 1)),
        *OTHERS,
    ],
)
def test_other_requests_are_read_in_steps(received):
    """Parts of a request, several requests, web pages, encoded namespaces, large bodies, unusual heads."""
    assert both(received) is None


def test_a_request_at_a_time_that_is_not_in_utc_is_read_in_steps():
    """Those convert the time."""
    assert both(a_whole(), MOMENT.astimezone(timezone(timedelta(hours=1)))) is None


@pytest.mark.parametrize("surplus", [-1, 0, 1])
def test_bodies_are_limited_alike(surplus):
    """At the limit exactly."""
    assert (both(a_whole(body=bytes(9)), max_body_bytes=9 - surplus) is None) == (surplus > 0)


def test_one_reader_reads_many_requests():
    """It remembers only the last namespace and day."""
    moments = iter([MOMENT, MOMENT, MOMENT + timedelta(days=1), MOMENT, MOMENT + timedelta(days=400)] * 2)
    names = [b"telemetry", b"telemetrx", b"tele", b"", b"telemetry"]
    compiled, plain = (
        reader(THREE, MAX_BODY_BYTES, lambda: next(moments), RawRecord) for reader in (Reader, PlainReader)
    )

    found = [compiled(a_whole(name)) for name in names]

    assert [whole[1].encode() for whole in found] == names
    assert found == [plain(a_whole(name)) for name in names]


def test_without_a_clock_the_time_is_that_of_the_system():
    """To the microsecond, also when a second has passed since the last request."""
    for reader in (Reader, PlainReader):
        read, times = reader(THREE, MAX_BODY_BYTES, None, RawRecord), []
        deadline = monotonic() + 1.2
        while monotonic() < deadline:
            before = datetime.now(UTC)
            record = read(a_whole())[0]
            after = datetime.now(UTC)
            received_at = submission_of(record).received_at
            times.append(received_at)

            assert before <= received_at <= after
            assert record.day == received_at.date()
            assert record.header == header_json(submission_of(record))
            sleep(0.003)

        assert len({moment.second for moment in times}) > 1
        assert len({moment.microsecond for moment in times}) > 100


def test_every_attack_is_read_alike():
    """So is every plain head of the other tests, with and without its body."""
    for received in [case.sent for case in CASES] + PLAIN:
        both(received)
        head = fast_head(received, *THREE)
        if head is not None:
            both(received[: head[0]] + bytes(min(head[2], 1 << 21)))


def test_an_error_of_the_clock_is_raised():
    """No record is made of the request."""

    def broken() -> datetime:
        raise OSError("no clock")

    for reader in (Reader, PlainReader):
        with pytest.raises(OSError, match="no clock"):
            reader(THREE, MAX_BODY_BYTES, broken, RawRecord)(a_whole())


_letters = st.sampled_from("telmry-%/_.~")


@given(
    st.text(_letters, max_size=12),
    st.binary(max_size=40),
    st.sampled_from([b"", b"Connection: close\r\n", b"X-Forwarded-For: 1.2.3.4\r\n", b"DNT: 1\r\n"]),
    st.datetimes(min_value=datetime(1, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 50),
)
def test_any_request_is_read_alike(name, body, more, moment, max_body_bytes):
    """Paths of every kind, at any time."""
    received = a_whole(name.encode(), body, more)
    both(received, moment)
    both(received, moment, max_body_bytes=max_body_bytes)
    both(LINE + received, moment)
