"""Submissions: a 200 means stored, and all other answers are those of the contract."""

import asyncio
import errno
from datetime import UTC, datetime

import pytest

from telemetry_server.edge.limits import EdgeLimits
from tests.support.edges import DOCUMENT_ID, PATH, a_request, parse_answers, running_edge
from tests.support.faulty_disk import CrampedDisk, FaultyDisk, StuckDisk
from tests.support.waiting import PATIENCE_SECONDS, bound_under_load, until, until_equal


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "path",
    [
        PATH,
        f"{PATH}/main/Firefox/61.0/release/20180621121604",
        f"/submit/org-mozilla-fenix/baseline/1/{DOCUMENT_ID}",
        "/submit/anything",
        "/submit/a/b/c/d/e/f/g/h/i",
        "/submit//",
        "/submit/%2e%2e/%00",
        "/submit/../../etc/passwd",
        f"/{PATH}/main/Firefox/61.0/release/20180621121604",
        f"{PATH}/main/Own%20Browser//~/",
    ],
)
async def test_a_submission_is_stored_as_received(tmp_path, method, path):
    """Body, path, query, method, protocol, host, time and the listed headers are stored without decoding."""
    body = b"\x1f\x8b not gzip at all \x00\xff"
    before = datetime.now(UTC)
    async with running_edge(tmp_path) as edge:
        (answer,) = await edge.talk(
            a_request(
                body,
                path=f"{path}?v=4&x=%20",
                method=method,
                headers={
                    "Content-Encoding": "gzip",
                    "X-Debug-ID": "me",
                    "Cookie": "no",
                    "X-Forwarded-For": "1.2.3.4",
                },
            )
        )
        (kept,) = edge.kept()

    assert (answer.status, answer.body) == (200, b"")
    assert (kept.path, kept.query, kept.method, kept.protocol) == (path, "v=4&x=%20", method, "HTTP/1.1")
    assert (kept.body, kept.host, kept.client_address) == (body, "localhost", None)
    assert kept.headers == {"content-length": str(len(body)), "content-encoding": "gzip", "x-debug-id": "me"}
    assert before <= kept.received_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    "request_bytes",
    [
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode(),
        f"POST {PATH} HTTP/1.0\r\n\r\n".encode(),
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(),
    ],
)
async def test_a_request_without_a_body_is_stored_with_an_empty_body(tmp_path, request_bytes):
    """Only the converter checks bodies."""
    async with running_edge(tmp_path) as edge:
        assert await edge.status(request_bytes) == 200
        assert [kept.body for kept in edge.kept()] == [b""]


async def test_chunked_bodies_are_joined(tmp_path):
    """Sent at once, or byte by byte."""
    whole = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    whole += b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    async with running_edge(tmp_path) as edge:
        assert await edge.status(whole) == 200
        assert await edge.status(*[whole[n : n + 1] for n in range(len(whole))], pause=0.0005) == 200
        assert [kept.body for kept in edge.kept()] == [b"abcde", b"abcde"]


async def test_many_requests_share_a_connection(tmp_path):
    """Pipelined requests are answered in order; at the limit the connection is closed."""
    limits = EdgeLimits(max_requests_per_connection=5)
    async with running_edge(tmp_path, limits=limits) as edge:
        answers = await edge.talk(b"".join(a_request(b"%d" % n) for n in range(8)))
        kept = [int(submission.body) for submission in edge.kept()]

    assert [answer.status for answer in answers] == [200] * 5
    assert answers[-1].headers["connection"] == "close"
    assert kept == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (a_request(method="GET"), 405),
        (a_request(method="DELETE"), 405),
        (a_request(method="OPTIONS"), 405),
        (a_request(path="/submit"), 404),
        (a_request(path="/submit/"), 404),
        (a_request(path="/Submit/telemetry/x"), 404),
        (a_request(path="/submit%2ftelemetry"), 404),
        (a_request(path="//submit"), 404),
        (a_request(path="//submit/"), 404),
        (a_request(path="//elsewhere/submit/x"), 404),
        (a_request(path="//submit/telemetry/x"), 200),
        (a_request(path="////submit/telemetry/x?v=4"), 200),
        (a_request(path="//submit/telemetry/x", method="GET"), 405),
        (a_request(path=f"http://localhost/{PATH}"), 200),
        (a_request(path="/submit/" + "a" * 1016), 200),
        (a_request(path="/submit/" + "a" * 1017), 414),
        (a_request(path="/submit/" + "a" * 7000), 414),
        (a_request(path="/submit/" + "a" * 20000), 414),
        (a_request(headers={"User-Agent": "a" * 1024}), 200),
        (a_request(headers={"User-Agent": "a" * 1025}), 431),
        (a_request(headers={"User-Agent": "\xe9" * 513}), 431),
        (a_request(headers={"User-Agent": "a" * 20000}), 431),
        (a_request(headers={"Cookie": "a" * 4000}), 200),
        (a_request(headers={f"X-{n}": "1" for n in range(62)}), 200),
        (a_request(headers={f"X-{n}": "1" for n in range(63)}), 431),
        (a_request(headers={f"X-{n}": "1" for n in range(500)}), 431),
        (a_request(headers={"Upgrade": "websocket", "Connection": "Upgrade"}), 200),
        (a_request(headers={"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"}), 200),
        (a_request(path=f"http://localhost{PATH}"), 200),
        (a_request(b"x" * 1000), 200),
        (a_request(b"x" * 1001), 413),
    ],
)
async def test_each_status_is_that_of_the_contract(tmp_path, request_bytes, status):
    """Requests with other answers than 200 are not stored."""
    async with running_edge(tmp_path, limits=EdgeLimits(max_body_bytes=1000)) as edge:
        answers = await edge.talk(request_bytes)
        kept = len(edge.kept())

    assert [answer.status for answer in answers] == [status]
    assert kept == (status == 200)
    if status == 405:
        assert answers[0].headers["allow"] == "POST, PUT"


async def test_only_listed_namespaces_are_accepted(tmp_path):
    """Case matters, and similar names are refused."""
    async with running_edge(tmp_path, namespaces=frozenset({"telemetry"})) as edge:
        found = [
            await edge.status(a_request(path=path))
            for path in (
                PATH,
                "/submit/Telemetry/x",
                "/submit/other/x",
                "/submit/telemetry",
                "/submit//telemetry",
                f"/{PATH}",
                "/submit/tele%6Detry/x",
                "//submit/other/x",
            )
        ]

    assert found == [200, 404, 404, 200, 404, 200, 200, 404]


@pytest.mark.parametrize("status", [413, 202])
async def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path, status):
    """Announced or chunked; with `oversize_status = 202` it is accepted and discarded."""
    limits = EdgeLimits(max_body_bytes=1000, oversize_status=status, lingering_seconds=0.1)
    announced = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n"
    chunked = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    async with running_edge(tmp_path, limits=limits) as edge:
        for request in (
            f"{announced}\r\n".encode(),
            f"{announced}Expect: 100-continue\r\n\r\n".encode(),
            chunked + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
            chunked + b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n",
        ):
            assert [answer.status for answer in await edge.talk(request)] == [status]
        assert edge.kept() == []


async def test_a_client_that_expects_100_continue_gets_it(tmp_path):
    """Then its body is read and stored."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n".encode()
    async with running_edge(tmp_path) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(head)
        interim = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"{}")
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        kept = len(edge.kept())

    assert [found.status for found in parse_answers(interim + answer)] == [100, 200]
    assert kept == 1


@pytest.mark.parametrize(
    "broken",
    [
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc".encode(),
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".encode(),
        f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Le".encode(),
        b"POST",
    ],
)
async def test_an_incomplete_request_gets_400(tmp_path, broken):
    """Whether the connection ends with it or later."""
    async with running_edge(tmp_path) as edge:
        assert await edge.status(broken, half_close=True) == 400
        assert await edge.status(broken, b"", half_close=True, pause=0.05) == 400
        assert edge.kept() == []


async def test_a_client_that_half_closes_its_connection_gets_its_answers(tmp_path):
    """It can still read."""
    async with running_edge(tmp_path) as edge:
        answers = await edge.talk(a_request(b"1") + a_request(b"2"), half_close=True)

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[-1].headers["connection"] == "close"


@pytest.mark.parametrize("after", [0, 10, 120, 200])
async def test_a_client_that_disconnects_damages_nothing(tmp_path, after):
    """At any point of its request, also while it is being stored; other clients are served."""
    request = a_request(b"x" * 100)
    async with running_edge(tmp_path) as edge:
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            writer.write(request[: after or len(request)])
            await writer.drain()
            writer.transport.abort()
        assert await edge.status(a_request(b"good")) == 200
        await until(lambda: (edge.worker.edge.active_requests, edge.worker.edge.memory.held_bytes) == (0, 0))
        bodies = {kept.body for kept in edge.kept()}

    assert bodies <= {b"x" * 100, b"good"}


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([b""], 408),
        ([b"POST /submit/x HTTP/1.1\r\nHost:"], 408),
        ([a_request(), b"POST /submit/x HTTP/1.1\r\nHost:"], 408),
        ([a_request() + b"POST /submit/x HTTP/1.1\r\nHost:"], 408),
        ([b"GET /status HTTP/1.1\r\nHost: a\r\n\r\nGET /status"], 408),
        ([b"POST /submit/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"], 408),
        ([b"POST /submit/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", b"x"], 408),
        ([b"POST /submit/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"], 408),
    ],
)
async def test_a_slow_client_is_disconnected(tmp_path, parts, status):
    """Heads and bodies have a deadline; then the connection is closed."""
    limits = EdgeLimits(header_timeout_seconds=0.2, body_timeout_seconds=0.2, lingering_seconds=0.2)
    async with running_edge(tmp_path, limits=limits) as edge:
        answers = await edge.talk(*parts, patience=30)

    assert answers[-1].status == status
    assert answers[-1].headers["connection"] == "close"


async def test_slow_headers_do_not_extend_their_deadline(tmp_path):
    """The deadline counts from the first byte."""
    limits = EdgeLimits(header_timeout_seconds=0.3)
    head = b"POST /submit/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    async with running_edge(tmp_path, limits=limits) as edge:
        assert await edge.status(*[head[n : n + 1] for n in range(len(head))], pause=0.02) == 408


async def test_a_body_below_the_minimum_rate_is_refused_before_its_deadline(tmp_path):
    """The minimum rate applies after some seconds."""
    limits = EdgeLimits(min_rate_after_seconds=0.2, min_bytes_per_second=10_000)
    head = b"POST /submit/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n"
    async with running_edge(tmp_path, limits=limits) as edge:
        started = asyncio.get_running_loop().time()
        assert await edge.status(head, *[b"x" * 50] * 40, pause=0.02) == 408
        assert asyncio.get_running_loop().time() - started < limits.body_timeout_seconds


async def test_an_idle_connection_is_closed(tmp_path):
    """Without an answer, because there was no request."""
    limits = EdgeLimits(keepalive_timeout_seconds=0.2)
    async with running_edge(tmp_path, limits=limits) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(a_request())
        head = await reader.readuntil(b"\r\n\r\n")
        rest = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        writer.close()

    assert head.startswith(b"HTTP/1.1 200")
    assert rest == b""


async def test_connections_beyond_the_limit_get_503(tmp_path):
    """They are closed; when other clients disconnect, new connections are accepted again."""
    async with running_edge(tmp_path, limits=EdgeLimits(max_connections=3)) as edge:
        held = [await asyncio.open_connection("127.0.0.1", edge.port) for _ in range(3)]
        await until(lambda: edge.worker.edge.open_connections == 3)
        (answer,) = await edge.talk(a_request())
        for _, writer in held:
            writer.close()
        await until(lambda: edge.worker.edge.open_connections == 0)
        again = await edge.status(a_request())

    assert (answer.status, answer.headers["connection"], again) == (503, "close", 200)
    assert 3 <= int(answer.headers["retry-after"]) <= 7


async def test_a_full_disk_is_answered_507_with_retry_after(tmp_path):
    """Before the body is read; the heartbeat is answered so, too; other routes still work."""
    disk = CrampedDisk(10)
    async with running_edge(tmp_path, disk=disk, writer_options={"min_free_bytes": 1000}) as edge:
        (answer,) = await edge.talk(
            f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 600\r\n\r\n".encode()
        )
        (heartbeat,) = await edge.talk(a_request(b"", path="/__heartbeat__", method="GET"))
        alive = await edge.status(a_request(b"", path="/__lbheartbeat__", method="GET"))
        disk.free_bytes = 10_000
        healed = await until_equal(lambda: edge.status(a_request()), 200)

    for refused in (answer, heartbeat):
        assert (refused.status, refused.headers["retry-after"]) == (507, "60")
    assert (alive, healed) == (200, 200)


async def test_a_write_that_finds_the_disk_full_is_507(tmp_path):
    """Although the last check of the disk found space."""
    disk = FaultyDisk("write_some", nth=2, error=errno.ENOSPC, short=True)
    async with running_edge(tmp_path, disk=disk) as edge:
        assert await edge.status(a_request()) == 507
        assert edge.kept() == []


async def test_after_a_failed_sync_every_submission_gets_500(tmp_path):
    """The heartbeat too; the process still runs."""
    async with running_edge(tmp_path, disk=FaultyDisk("sync_data", nth=1)) as edge:
        found = [await edge.status(a_request()) for _ in range(3)]
        heartbeat = await edge.status(a_request(b"", path="/__heartbeat__", method="GET"))
        alive = await edge.status(a_request(b"", path="/__lbheartbeat__", method="GET"))

    assert (found, heartbeat, alive) == ([500, 500, 500], 500, 200)


async def test_a_slow_disk_is_503_in_time(tmp_path):
    """Memory does not grow; liveness is answered meanwhile."""
    disk = StuckDisk()
    options = {"commit_timeout_seconds": 0.2}
    async with running_edge(tmp_path, disk=disk, writer_options=options) as edge, disk:
        first = asyncio.create_task(edge.talk(a_request()))
        await until(lambda: disk.syncs > 0)
        alive = await edge.status(a_request(b"", path="/__lbheartbeat__", method="GET"))
        (answer,) = await first
        second = await edge.status(a_request())
        disk.let_go.set()

    assert (answer.status, second, alive) == (503, 503, 200)
    assert "retry-after" in answer.headers


async def test_a_truncated_address_is_kept_if_configured(tmp_path):
    """That of the connection, or of X-Forwarded-For with trusted proxies; never the header itself."""
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9"}
    async with running_edge(tmp_path, keeps_client_address=True, trusted_hops=1) as edge:
        await edge.talk(a_request(headers=headers))
        (kept,) = edge.kept()

    assert kept.client_address == "203.0.113.0"
    assert "x-forwarded-for" not in kept.headers


async def test_draining_answers_pending_requests_and_refuses_new_ones(tmp_path):
    """A request whose head is read gets 200, a new one and the heartbeat 503; then the port is closed."""
    async with running_edge(tmp_path) as edge:
        slow_reader, slow = await asyncio.open_connection("127.0.0.1", edge.port)
        slow.write(f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab".encode())
        idle_reader, idle = await asyncio.open_connection("127.0.0.1", edge.port)
        idle.write(a_request())
        await idle_reader.readuntil(b"\r\n\r\n")
        await until(lambda: edge.worker.edge.memory.held_bytes >= 2)
        drain = asyncio.create_task(edge.worker.drain())
        await until(lambda: edge.worker.edge.is_draining)
        (refused,) = await edge.talk(a_request())
        (heartbeat,) = await edge.talk(a_request(b"", path="/__heartbeat__", method="GET"))
        idle.write(a_request())
        on_idle = await idle_reader.read()
        slow.write(b"cd")
        answer = await slow_reader.read()
        is_clean = await drain
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", edge.port)
        bodies = [kept.body for kept in edge.kept()]
        slow.close()
        idle.close()

    for each in (refused, heartbeat):
        assert each.status == 503
        assert 3 <= int(each.headers["retry-after"]) <= 7
    assert on_idle.startswith(b"HTTP/1.1 503")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in answer
    assert is_clean
    assert bodies == [b"{}", b"abcd"]


async def test_a_drain_ends_at_its_timeout(tmp_path):
    """Incomplete requests are cut off without an answer, and `drain` returns False."""
    async with running_edge(tmp_path, limits=EdgeLimits(drain_timeout_seconds=0.3)) as edge:
        _, slow = await asyncio.open_connection("127.0.0.1", edge.port)
        slow.write(f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab".encode())
        await until(lambda: edge.worker.edge.memory.held_bytes >= 2)
        assert not await edge.worker.drain()
        slow.close()


async def test_silent_connections_do_not_delay_the_end(tmp_path):
    """Neither new nor kept-alive ones; closed connections are forgotten."""
    async with running_edge(tmp_path) as edge:
        writers = []
        for _ in range(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            writer.write(a_request())
            await reader.readuntil(b"\r\n\r\n")
            writers.append(writer)
        for _ in range(200):
            _, gone = await asyncio.open_connection("127.0.0.1", edge.port)
            gone.write(a_request())
            await asyncio.sleep(0.0005)
            gone.close()
        await until(lambda: edge.worker.edge.open_connections == 10)
        started = asyncio.get_running_loop().time()
    took = asyncio.get_running_loop().time() - started
    for writer in writers:
        writer.close()

    assert took < bound_under_load(EdgeLimits().drain_timeout_seconds / 2)  # it did not wait for them
