"""The compiled reading of a head and the plain one give the same."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.raw.framing import header_json
from storage.raw.record_frames import header_of
from storage.raw.submission import Submission
from telemetry_server.edge.fast_head import FastHead, fast_head, plain_fast_head, with_address
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.plain_request import _ODD, END, MAX_HEAD_BYTES, plain_head
from telemetry_server.edge.request_headers import KEPT_HEADERS
from tests.attacks.cases import CASES

LIMITS = EdgeLimits()
THREE = (LIMITS.max_headers, LIMITS.max_target_bytes, LIMITS.max_kept_header_bytes)
LINE = b"POST /submit/telemetry/id/main HTTP/1.1\r\n"
HOST_AND_LENGTH = b"Host: h\r\nContent-Length: 3\r\n"
NAMES = [*(name.decode() for name in KEPT_HEADERS), *sorted(_ODD), "host", "connection", "origin", "x-other"]


@pytest.fixture(scope="module")
def has_fast_lane():
    """Nothing here depends on it."""


def both(received: bytes, limits: tuple[int, int, int] = THREE) -> FastHead | None:
    """Return what both forms find; it is the same."""
    found, plain = fast_head(received, *limits), plain_fast_head(received, *limits)

    assert (found and tuple(found)) == (plain and tuple(plain)), received
    return plain


PLAIN = [
    LINE + HOST_AND_LENGTH + b"\r\nabc",
    b"PUT /submit/a?b=c?d HTTP/1.1\r\n" + HOST_AND_LENGTH + b"\r\n",
    LINE + HOST_AND_LENGTH + b'User-Agent: a "quoted" \\ agent\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n',
    LINE + b"host: h\r\nCONTENT-LENGTH: 0\r\nConnection: Close\r\nOrigin: https://x\r\n\r\n",
    LINE + HOST_AND_LENGTH + b"Connection: keep-alive\r\nDNT: 1\r\nDate: now\r\n\r\n",
]
OTHERS = [
    b"",
    LINE,
    LINE + HOST_AND_LENGTH,
    LINE + HOST_AND_LENGTH + b"\r",
    LINE + b"Host: h\r\n\r\n",
    LINE + HOST_AND_LENGTH + b"Host: h\r\n\r\n",
    LINE + HOST_AND_LENGTH + b"Empty: \r\n\r\n",
    LINE + HOST_AND_LENGTH + b"Empty:\r\n\r\n",
    LINE + HOST_AND_LENGTH + b"Two:  spaces\r\n\r\n",
    LINE + HOST_AND_LENGTH + b"Space: after \r\n\r\n",
    LINE + HOST_AND_LENGTH + b"Control: a\x01b\r\n\r\n",
    LINE + HOST_AND_LENGTH + b"High: a\xffb\r\n\r\n",
    LINE + b"Host: h\r\nContent-Length: 1234567890123456\r\n\r\n",
    LINE + b"Host: h\r\nContent-Length: +3\r\n\r\n",
    LINE + HOST_AND_LENGTH + b"Connection: upgrade\r\n\r\n",
    LINE + HOST_AND_LENGTH + b"A" * 65 + b": x\r\n\r\n",
    LINE + HOST_AND_LENGTH.replace(b"\r", b"") + b"\r\n",
    b"POST /submit/ HTTP/1.1\r\n" + HOST_AND_LENGTH + b"\r\n",
    b"POST /submit/a HTTP/1.0\r\n" + HOST_AND_LENGTH + b"\r\n",
    b"GET /submit/a HTTP/1.1\r\n" + HOST_AND_LENGTH + b"\r\n",
    b"POST /submit/a#b HTTP/1.1\r\n" + HOST_AND_LENGTH + b"\r\n",
]


@pytest.mark.parametrize("received", PLAIN)
def test_a_plain_head_is_read(received):
    """The header is what `header_json` writes of the same submission."""
    found = both(received)
    head = plain_head(received[: received.find(END)], LIMITS)

    assert found is not None
    assert head is not None
    moment = datetime(2026, 11, 28, 1, 2, 3, 4, tzinfo=UTC)
    submit = head.submit
    for address in (None, "1.2.3.0"):
        submission = Submission(
            moment,
            submit.path,
            b"",
            submit.query,
            submit.method,
            submit.protocol,
            submit.host,
            submit.headers,
            address,
        )
        assert header_of(moment, with_address(found.header_rest, address)) == header_json(submission)
    for end in range(received.find(END) + len(END)):
        assert both(received[:end]) is None


@pytest.mark.parametrize("received", OTHERS)
def test_what_is_not_plain_is_not_read(received):
    """None, from both forms."""
    assert both(received) is None


def test_every_attack_is_read_alike():
    """And every beginning of one, up to a length."""
    for case in CASES:
        for end in {len(case.sent), *range(0, min(len(case.sent), 400), 7)}:
            both(case.sent[:end])


@pytest.mark.parametrize("surplus", [-1, 0, 1])
def test_heads_are_limited_alike(surplus):
    """The length of the head, of the target and of a kept header, and the number of headers."""
    filler = MAX_HEAD_BYTES - len(LINE + HOST_AND_LENGTH) - len("X: ") + surplus
    whole = LINE + HOST_AND_LENGTH + b"X: " + b"y" * filler + b"\r\n\r\n"
    assert (both(whole) is None) == (surplus > 0)
    received = LINE + HOST_AND_LENGTH + b"User-Agent: " + b"y" * 300 + b"\r\n\r\n"
    assert (both(received, (100, 2048, 300 - surplus)) is None) == (surplus > 0)
    target = len(b"/submit/telemetry/id/main") + 1
    assert (both(received, (100, target - surplus, 4096)) is None) == (surplus > 0)
    assert (both(received, (3 - surplus, 2048, 4096)) is None) == (surplus > 0)


def test_many_headers_are_read_by_the_plain_form_alone():
    """The compiled form leaves a head with more than 128 of them to the reference."""
    received = LINE + HOST_AND_LENGTH + b"".join(b"X-%d: y\r\n" % number for number in range(200)) + b"\r\n"

    limits = (300, *THREE[1:])

    assert plain_fast_head(received, *limits) is not None
    assert fast_head(received, *limits) in (None, plain_fast_head(received, *limits))


LINES = [
    LINE,
    b"PUT /submit/a/b?c HTTP/1.1\r\n",
    b"POST /submit/\xc3\xa4 HTTP/1.1\r\n",
    b"POST  /submit/a",
]
_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7F), max_size=12)
_fields = st.tuples(
    st.sampled_from(NAMES).flatmap(lambda name: st.sampled_from([name, name.title(), name.upper()])),
    st.one_of(_values, st.sampled_from(["close", "keep-alive", "12", "0", "Keep-Alive"])),
)
_noise = st.sampled_from([b"", b"", b"", b"", b"\r", b"\n", b"\0", b" ", b":", b"\xff", b"\r\n"])


@given(
    st.sampled_from(
        [LINE, b"PUT /submit/a/b?c HTTP/1.1\r\n", b"POST /submit/\xc3\xa4 HTTP/1.1\r\n", b"POST  /submit/a"]
    ),
    st.lists(_fields, max_size=8),
    _noise,
    st.integers(0, 300),
    st.integers(0, 8),
)
def test_any_head_is_read_alike(line, fields, noise, place, max_headers):
    """Fields of every kind, with a byte too many somewhere."""
    text = line + HOST_AND_LENGTH + b"".join(f"{name}: {value}\r\n".encode() for name, value in fields)
    both(text + b"\r\nbody")
    both(text + b"\r\nbody", (max_headers, 40, 10))
    both(text[:place] + noise + text[place:] + b"\r\n")
