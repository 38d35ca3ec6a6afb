# ruff: noqa: RUF005 - lists of words, some to a row
"""The fast path and the aiohttp path have the same outcomes for the same bytes."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_server.edge.limits import EdgeLimits
from tests.attacks.cases import CASES
from tests.support.edges import PATH, Answer, RunningEdge, a_request, parse_answers, running_edge
from tests.support.faulty_disk import StuckDisk
from tests.support.waiting import PATIENCE_SECONDS, until

NOT_COMPARED = {"date"}
LIMITS = EdgeLimits(
    max_body_bytes=1 << 20, max_in_flight_bytes=8 << 20, lingering_seconds=0.3, max_requests_per_connection=7
)


SILENCE_SECONDS, LONG_SILENCE_SECONDS = 0.25, 3.0
TRIES = 5  # more of them for a talk with different outcomes; a real difference is there in each


@pytest.fixture(scope="module")
def has_fast_lane():
    """Each test here uses both paths."""


@dataclass(frozen=True)
class Talk:
    """The parts sent on one connection, with a pause between them."""

    parts: tuple[bytes, ...]
    half_close: bool = True


async def exchange(edge: RunningEdge, talk: Talk, patience: float) -> tuple[list[Answer], str]:
    """The answers, and the state of the connection after it was quiet for *patience* seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    received, end = b"", "open"
    try:
        for number, part in enumerate(talk.parts):
            if number:
                await asyncio.sleep(0.004)
            writer.write(part)
            await writer.drain()
        if talk.half_close:
            writer.write_eof()
        while True:
            chunk = await asyncio.wait_for(reader.read(1 << 16), patience)
            if not chunk:
                end = "closed"
                break
            received += chunk
    except TimeoutError:
        pass
    except OSError:
        end = "reset"
    finally:
        writer.transport.abort()
    return parse_answers(received), end


def comparable(answers: list[Answer]) -> list[tuple[int, dict[str, str], bytes]]:
    """The comparable parts of the answers: Retry-After is random, so it is left out."""
    return [
        (
            answer.status,
            {
                name: "some" if name == "retry-after" else value
                for name, value in answer.headers.items()
                if name not in NOT_COMPARED
            },
            answer.body,
        )
        for answer in answers
    ]


async def exchange_with_both(
    edges: list[RunningEdge], talk: Talk, patience: float
) -> tuple[tuple[list[Answer], str], tuple[list[Answer], str]]:
    """Send the same parts to both edges at once."""
    with_fast_path, without = await asyncio.gather(*(exchange(edge, talk, patience) for edge in edges))
    return with_fast_path, without


async def compare(folder: Path, talks: list[Talk], limits: EdgeLimits = LIMITS) -> int:
    """Send *talks* to edges with and without the fast path; return how many submissions both kept."""
    async with AsyncExitStack() as stack:
        edges = [
            await stack.enter_async_context(
                running_edge(
                    folder / str(has_fast_path),
                    limits=limits,
                    fast_lane=has_fast_path,
                    keeps_client_address=True,
                )
            )
            for has_fast_path in (True, False)
        ]
        for talk in talks:
            (fast, fast_end), (slow, slow_end) = await exchange_with_both(edges, talk, SILENCE_SECONDS)
            for _ in range(TRIES):
                if (comparable(fast), fast_end) == (comparable(slow), slow_end):
                    break
                # On a loaded machine one of them may just be late, or see the end of the input later.
                (fast, fast_end), (slow, slow_end) = await exchange_with_both(
                    edges, talk, LONG_SILENCE_SECONDS
                )
            if "reset" in (fast_end, slow_end):
                # A client that continues to send after a refusal may lose the answer, on both paths.
                seen = min(len(fast), len(slow))
                assert comparable(fast[:seen]) == comparable(slow[:seen]), talk
                continue
            assert comparable(fast) == comparable(slow), talk
            assert fast_end == slow_end, talk
        await until(lambda: not any(edge.worker.edge.active_requests for edge in edges))
        kept = [
            [
                (s.path, s.query, s.method, s.protocol, s.host, s.headers, s.client_address, s.body)
                for s in edge.kept()
            ]
            for edge in edges
        ]
        left = [(edge.worker.edge.active_requests, edge.worker.edge.memory.held_bytes) for edge in edges]
    assert kept[0] == kept[1]
    assert left == [(0, 0), (0, 0)]
    return len(kept[0])


@pytest.mark.parametrize("start", range(0, len(CASES), 40))
async def test_every_attack_has_the_same_outcome_on_both(tmp_path, start):
    """The same answers, closing and kept submissions; sent at once, and in two halves."""
    talks = []
    for case in CASES[start : start + 40]:
        middle = len(case.sent) // 2
        talks.append(Talk((case.sent,), case.half_close))
        talks.append(Talk((case.sent[:middle], case.sent[middle:]), case.half_close))
    await compare(tmp_path, talks)


@pytest.mark.parametrize("has_fast_path", [True, False])
async def test_line_ends_between_requests_are_ignored(tmp_path, has_fast_path):
    """They begin no request, so that the end of the input after them is not refused."""
    good, ends = a_request(), b"\r\n"
    head, body = good[:-2], good[-2:]
    talks = [(good + ends,), (good, ends), (head, body + ends), (ends + good,), (good, b"\r", b"\n")]
    async with running_edge(tmp_path, fast_lane=has_fast_path) as edge:
        for parts in talks:
            answers, end = await exchange(edge, Talk(parts), LONG_SILENCE_SECONDS)

            assert ([answer.status for answer in answers], end) == ([200], "closed"), parts


names = st.sampled_from(
    ["Host", "host", "User-Agent", "X-Debug-ID", "DNT", "Date", "X-Forwarded-For", "Accept", "Cookie", "X_A"]
    + ["Connection", "Content-Encoding", "Content-Type", "Expect", "Transfer-Encoding", "TE", "Upgrade"]
    + ["Content-Length", "Keep-Alive", "Proxy-Connection", "Content-Type", "X-A", "Trailer", "Range"]
)
values = st.sampled_from(
    [
        "a",
        "",
        "keep-alive",
        "close",
        "Close",
        "Keep-Alive",
        "gzip",
        "deflate",
        "br",
        "1",
        "0",
        "2",
        "07",
        "+2",
    ]
    + ["chunked", "identity", "1.2.3.4, 5.6.7.8", "a b  c", " a", "a ", "\ta", "é", "x" * 1024, "x" * 1025]
    + ["close, keep-alive", "upgrade", "trailers", "100-continue", "localhost:80", "é" * 600, "a\tb", '"']
)
targets = st.sampled_from(
    [PATH, f"{PATH}?v=4", "/submit/x", "/submit/", "/submit", "/submit/?x", "/submit//", "/submit/a?b?c", "/"]
    + ["/submit/%00", "/submit/a#b", "/submit/a[b]", "/submit/é", "/status", "/submit/../x", "/submit/;,:@&="]
    + ["http://a/submit/x", "/submit/" + "x" * 1016, "/submit/" + "x" * 1017, "/submit/x?" + "y" * 1014]
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request that is mostly well-formed."""
    body = draw(st.sampled_from([b"", b"{}", b"x" * 2000, b"POST /submit/x HTTP/1.1\r\n\r\n", bytes(70_000)]))
    method = draw(st.sampled_from(["POST"] * 6 + ["PUT", "GET", "post", "OPTIONS"]))
    version = draw(st.sampled_from(["HTTP/1.1"] * 8 + ["HTTP/1.0", "HTTP/1.2", "http/1.1"]))
    lines = [f"{method} {draw(targets)} {version}"]
    if draw(st.integers(0, 9)):
        lines.append("Host: localhost")
    if draw(st.integers(0, 9)):
        lines.append(f"Content-Length: {len(body) + draw(st.sampled_from([0] * 12 + [-1, 1]))}")
    lines += [f"{name}: {value}" for name, value in draw(st.lists(st.tuples(names, values), max_size=4))]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + body


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The bytes of a request, some of them changed."""
    whole = bytearray(b"".join(draw(st.lists(requests(), min_size=1, max_size=2))))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        place = draw(st.integers(0, min(len(whole), 400)))
        cut = draw(st.integers(0, 2))
        whole[place : place + cut] = draw(
            st.sampled_from([b"", b"\r\n", b"\n", b"\r", b" ", b"\x00", b"\xff", b":", b"0"])
        )
    return bytes(whole)


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    """A request in pieces, as networks deliver it."""
    whole = draw(mutated())
    cuts = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=2)))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    return Talk(tuple(parts), draw(st.sampled_from([True, True, True, False])))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(talks(), min_size=3, max_size=8))
def test_random_requests_have_the_same_outcome_on_both(batch):
    """Well-formed or not, split anywhere."""
    with TemporaryDirectory() as folder:
        asyncio.run(compare(Path(folder), batch))


@pytest.mark.parametrize(
    ("request_bytes", "is_plain"),
    [
        (a_request(), True),
        (a_request(b"", method="PUT", path=f"{PATH}?v=4"), True),
        (a_request(b"x" * 300_000, headers={"Content-Encoding": "gzip", "X-Debug-ID": "me"}), True),
        (a_request(headers={"Connection": "close"}), True),
        (a_request() + a_request(), False),
        (a_request(path="/submit/"), False),
        (a_request(path="/submit/#a"), False),
        (a_request(method="GET"), False),
        (a_request(b"x" * (1 << 20) + b"x"), False),
        (a_request(headers={"Expect": "100-continue"}), False),
        (a_request(headers={"Upgrade": "h2c"}), False),
        (a_request(headers={"Cookie": "x" * 5000}), False),
        (b"GET /status HTTP/1.1\r\nHost: a\r\n\r\n", False),
    ],
)
async def test_only_plain_submits_stay_on_the_fast_path(tmp_path, request_bytes, is_plain):
    """All other requests go to aiohttp."""
    async with running_edge(tmp_path, fast_lane=True) as edge:
        await edge.talk(request_bytes)
        assert (edge.worker._server.requests_count == 0) == is_plain


async def test_a_head_with_bare_line_feeds_is_refused_at_once(tmp_path):
    """The fast path would wait for CR LF for ever."""
    async with running_edge(tmp_path, fast_lane=True) as edge:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answers = await edge.talk(a_request(b"{}").replace(b"\r\n", b"\n"))

    assert [answer.status for answer in answers] == [400]


async def test_a_connection_keeps_its_request_count_when_it_goes_to_aiohttp(tmp_path):
    """The limit counts plain submits and later requests of other routes."""
    async with running_edge(tmp_path, limits=EdgeLimits(max_requests_per_connection=4)) as edge:
        status = b"GET /status HTTP/1.1\r\nHost: a\r\n\r\n"
        answers = await edge.talk(a_request(), a_request(), status, status, a_request(), pause=0.05)
        opened = edge.worker.edge.open_connections

    assert [answer.status for answer in answers] == [200] * 4
    assert [answer.headers.get("connection") for answer in answers] == [None, None, None, "close"]
    assert opened == 0


async def test_pipelined_requests_wait_while_a_submission_is_stored(tmp_path):
    """They are answered in order, and reading stops at a bound."""
    disk = StuckDisk()
    async with running_edge(tmp_path, disk=disk) as edge, disk:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(a_request(b"first"))
        await until(lambda: disk.syncs > 0)
        for _ in range(200):
            writer.write(a_request(b"x" * 100_000))
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        (connection,) = edge.worker._fast_path.connections
        waiting = len(connection._pending)
        disk.let_go.set()
        for _ in range(201):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()
        bodies = [kept.body for kept in edge.kept()]

    assert waiting < 1 << 20
    assert bodies == [b"first"] + [b"x" * 100_000] * 200


async def test_a_refused_connection_counts_until_it_is_closed(tmp_path):
    """Otherwise lingering connections could exceed the limit."""
    limits = EdgeLimits(header_timeout_seconds=0.1, lingering_seconds=0.4)
    async with running_edge(tmp_path, limits=limits) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        assert (await reader.read()).startswith(b"HTTP/1.1 408")
        counted = edge.worker.edge.open_connections
        await until(lambda: edge.worker.edge.open_connections == 0)
        writer.close()

    assert counted == 1


async def test_no_request_begins_for_a_client_that_does_not_read_its_answers(tmp_path):
    """Its input is not read; when it half-closes, aiohttp continues at the first unanswered request."""
    async with running_edge(tmp_path) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        await until(lambda: len(edge.worker._fast_path.connections) == 1)
        (connection,) = edge.worker._fast_path.connections
        connection.pause_writing()
        writer.write(a_request(b"1"))
        writer.write_eof()
        await asyncio.sleep(0.1)
        before = len(edge.kept())
        connection._transport.get_protocol().resume_writing()
        answer = await reader.read()
        writer.close()

    assert before in (0, 1)
    assert answer.startswith(b"HTTP/1.1 200")
