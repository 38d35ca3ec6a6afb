"""An announced body is never read as another request: every method, framing header and target form."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import product

import pytest

from telemetry_server.edge.limits import EdgeLimits
from tests.support.edges import FIRST_ANSWER_SECONDS, Answer, RunningEdge, parse_answers, running_edge
from tests.support.loops import on_uvloop

LIMITS = EdgeLimits(lingering_seconds=0.2)
QUIET_SECONDS = 0.4
AT_ONCE = 100
PATHS = ["fast-path", "aiohttp"]

# A body that looks like a request: a parser that reads it as one keeps a submission under this path.
INNER = b"POST /submit/smuggled HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(INNER), INNER)
LENGTH = b"Content-Length: %d\r\n" % len(INNER)
UPGRADE = b"Connection: Upgrade\r\nUpgrade: "

METHODS = [
    *("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND", "LOCK"),
    *("PURGE", "SEARCH", "M-SEARCH", "QUERY", "SOURCE", "PRI", "DESCRIBE", "FETCH", "post"),
]
TARGETS = {
    "a submission": "/submit/x",
    "a service": "/status",
    "absolute": "http://a/submit/x",
    "authority": "a:443",
    "asterisk": "*",
}


@dataclass(frozen=True)
class Framing:
    """Framing headers, and the bytes after the head."""

    headers: bytes
    body: bytes
    is_refused: bool = False  # by every parser that follows RFC 9112
    version: str = "HTTP/1.1"


FRAMINGS = {
    "no body": Framing(b"", b""),
    "a length": Framing(LENGTH, INNER),
    "a length of nothing": Framing(b"Content-Length: 0\r\n", b""),
    "chunked": Framing(b"Transfer-Encoding: chunked\r\n", CHUNKED),
    "Chunked": Framing(b"Transfer-Encoding: Chunked\r\n", CHUNKED),
    "a length and chunked": Framing(LENGTH + b"Transfer-Encoding: chunked\r\n", CHUNKED, True),
    "no length and chunked": Framing(b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", CHUNKED, True),
    "two lengths": Framing(b"Content-Length: 0\r\n" + LENGTH, INNER, True),
    "a signed length": Framing(b"Content-Length: +%d\r\n" % len(INNER), INNER, True),
    "chunked, not last": Framing(b"Transfer-Encoding: chunked, identity\r\n", CHUNKED, True),
    "identity": Framing(b"Transfer-Encoding: identity\r\n", INNER, True),
    "an unknown coding": Framing(b"Transfer-Encoding: xchunked\r\n", CHUNKED, True),
    "chunked with a parameter": Framing(b"Transfer-Encoding: chunked;q=1\r\n", CHUNKED, True),
    "an empty coding": Framing(b"Transfer-Encoding:\r\n", b"", True),
    "an empty coding and a length": Framing(b"Transfer-Encoding:\r\n" + LENGTH, INNER, True),
    "gzip, chunked": Framing(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKED),
    "a folded coding": Framing(b"Transfer-Encoding:\r\n chunked\r\n", CHUNKED, True),
    "chunked twice": Framing(b"Transfer-Encoding: chunked\r\n" * 2, CHUNKED, True),
    "chunked in HTTP/1.0": Framing(
        b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n", CHUNKED, True, "HTTP/1.0"
    ),
    "a length in HTTP/1.0": Framing(b"Connection: keep-alive\r\n" + LENGTH, INNER, version="HTTP/1.0"),
    "websocket and a length": Framing(UPGRADE + b"websocket\r\n" + LENGTH, INNER),
    "websocket and chunked": Framing(UPGRADE + b"websocket\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "websocket": Framing(UPGRADE + b"websocket\r\n", b""),
    "h2c and a length": Framing(UPGRADE + b"h2c\r\n" + LENGTH, INNER),
    "h2c and chunked": Framing(UPGRADE + b"h2c\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "an expectation and a length": Framing(b"Expect: 100-continue\r\n" + LENGTH, INNER),
    "an expectation and chunked": Framing(b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "another expectation": Framing(b"Expect: 200-maybe\r\n" + LENGTH, INNER),
    "the last, with a length": Framing(b"Connection: close\r\n" + LENGTH, INNER),
}


@dataclass(frozen=True)
class Outcome:
    """The answers of one connection, and whether it was closed."""

    answers: tuple[tuple[int, frozenset[tuple[str, str]], bytes], ...]  # without 100 Continue
    is_closed: bool


def expected_status(method: str, target: str, framing: Framing) -> set[int]:
    """The answers of the contract, written independently of the code under test."""
    if framing.is_refused:
        # The target or the method may be wrong too; the order of the checks is the parser's.
        return {400, 405} if method == "CONNECT" else {400}
    path = "/submit/x" if target == "http://a/submit/x" else target
    if method == "CONNECT":
        return {405} if target == "a:443" else {400, 405}
    if method in ("PRI", "DESCRIBE", "FETCH", "post") or path == "a:443":
        return {400}
    if path == "*":
        return {400, 404}
    allowed = ("POST", "PUT") if path == "/submit/x" else ("GET", "HEAD")
    return {200} if method in allowed else {405}


async def exchange(edge: RunningEdge, parts: tuple[bytes, ...]) -> Outcome:
    """Send *parts*, and leave the connection open until it is closed or quiet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    received, is_closed = b"", False
    try:
        for number, part in enumerate(parts):
            if number:
                await asyncio.sleep(0.03)
            writer.write(part)
        # Every request has an answer, on a crowded machine a late one.
        while chunk := await asyncio.wait_for(
            reader.read(1 << 16), QUIET_SECONDS if received else FIRST_ANSWER_SECONDS
        ):
            received += chunk
        is_closed = True
    except TimeoutError:
        pass
    except ConnectionError:
        is_closed = True
    finally:
        writer.transport.abort()
    return Outcome(tuple(map(comparable, final_answers(received))), is_closed)


def final_answers(received: bytes) -> list[Answer]:
    """The answers except 100; an answer to HEAD announces a body but has none."""
    try:
        return [answer for answer in parse_answers(received) if answer.status != 100]
    except AssertionError:
        return [Answer(int(part[:3]), {}) for part in received.decode("latin-1").split("HTTP/1.1 ")[1:]]


def comparable(answer: Answer) -> tuple[int, frozenset[tuple[str, str]], bytes]:
    headers = frozenset((name, value) for name, value in answer.headers.items() if name != "date")
    return answer.status, headers, answer.body


@pytest.fixture(scope="module")
def has_fast_lane():
    """Each test here uses both paths."""


@pytest.mark.parametrize("is_split", [False, True], ids=["in one packet", "body in a later packet"])
@pytest.mark.parametrize("target", TARGETS)
@on_uvloop
async def test_a_request_gets_one_answer_and_its_body_is_never_a_request(tmp_path, target, is_split):
    """The answer is the same with and without the fast path; nothing is kept under the inner path."""
    cases = list(product(METHODS, FRAMINGS))
    async with AsyncExitStack() as stack:
        edges = [
            await stack.enter_async_context(
                running_edge(tmp_path / name, limits=LIMITS, fast_lane=name == "fast-path")
            )
            for name in PATHS
        ]
        for start in range(0, len(cases), AT_ONCE):
            some = cases[start : start + AT_ONCE]
            outcomes = await asyncio.gather(
                *(exchange(edge, sent(case, target, is_split)) for case in some for edge in edges)
            )
            for case, fast, slow in zip(some, outcomes[::2], outcomes[1::2], strict=True):
                pair = [fast, slow]
                if fast != slow:  # a body may have come after the lingering time: once more, alone
                    pair = [await exchange(edge, sent(case, target, is_split)) for edge in edges]
                check(case, target, *pair)
        kept = [[submission.path for submission in edge.kept()] for edge in edges]

    assert sorted(kept[0]) == sorted(kept[1])
    assert set(kept[0]) <= {"/submit/x"}


def sent(case: tuple[str, str], target: str, is_split: bool) -> tuple[bytes, ...]:
    """The request of *case*, in one part or two."""
    method, framing = case[0], FRAMINGS[case[1]]
    head = f"{method} {TARGETS[target]} {framing.version}\r\nHost: a\r\n".encode()
    head += framing.headers + b"\r\n"
    return (head, framing.body) if is_split and framing.body else (head + framing.body,)


def check(case: tuple[str, str], target: str, fast: Outcome, slow: Outcome) -> None:
    method, framing = case[0], FRAMINGS[case[1]]
    assert fast == slow, case
    assert len(fast.answers) == 1, (case, fast)
    status = fast.answers[0][0]
    assert status in expected_status(method, TARGETS[target], framing), (case, status)
    # After a framing error, the following bytes cannot be trusted.
    if status in (400, 413) or method == "CONNECT":
        assert fast.is_closed, case
