"""Clients that stop sending or reading: their time and memory are bounded, and other clients are served."""

import asyncio
import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise

import pytest

from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.tls import Certificate
from tests.support.certificates import make_pair
from tests.support.edges import PATH, RunningEdge, a_request, parse_answers, running_edge
from tests.support.faulty_disk import StuckDisk
from tests.support.loops import on_uvloop
from tests.support.waiting import PATIENCE_SECONDS, until

KIB, MIB = 1 << 10, 1 << 20
ASK = b"GET /telemetry_schema HTTP/1.1\r\nHost: a\r\n\r\n"
ASK_LAST = ASK.replace(b"Host: a", b"Host: a\r\nConnection: close")
SMALL_BUFFERS = {"send_buffer_bytes": 8 * KIB, "answer_timeout_seconds": 0.5}


def large_text() -> bytes:
    """A body larger than the buffers of kernel and transport; no two parts of it are equal."""
    return b"".join(b"%08d" % number for number in range(MIB // 8))


def slow_reader(edge: RunningEdge, sent: bytes) -> socket.socket:
    """A connection that sent *sent* and reads little of its answers."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
    connection.connect(("127.0.0.1", edge.port))
    connection.setblocking(False)
    connection.send(sent)
    return connection


@contextmanager
def closing(connections: list[socket.socket]) -> Iterator[None]:
    """Close them at the end."""
    try:
        yield
    finally:
        for connection in connections:
            connection.close()


def is_at_rest(edge: RunningEdge) -> bool:
    """Whether no memory or connection of a client is counted."""
    inside = edge.worker.edge
    return (inside.open_connections, inside.active_requests, inside.memory.held_bytes) == (0, 0, 0)


# Answers that are not read.


@pytest.mark.parametrize("sent", [ASK, ASK_LAST, ASK * 20], ids=["kept alive", "the last", "pipelined"])
@on_uvloop
async def test_a_client_that_does_not_read_its_answer_is_cut_off_at_the_deadline(tmp_path, sent):
    """Its memory is counted until then, and released."""
    limits = EdgeLimits(**SMALL_BUFFERS)
    async with running_edge(tmp_path, limits=limits, partition_schema=large_text) as edge:
        with closing([slow_reader(edge, sent)]):
            await until(lambda: edge.worker.edge.memory.held_bytes >= MIB)
            assert edge.worker.edge.open_connections == 1
            await until(lambda: is_at_rest(edge))


@on_uvloop
async def test_a_client_that_submits_and_never_reads_is_cut_off_at_the_deadline(tmp_path):
    """Its answers are short: only thousands of them fill the kernel's buffer."""
    limits = EdgeLimits(**SMALL_BUFFERS, max_requests_per_connection=1_000_000)
    async with running_edge(tmp_path, limits=limits) as edge:
        connection = slow_reader(edge, b"")
        with closing([connection]):
            sending = asyncio.create_task(
                asyncio.get_running_loop().sock_sendall(connection, a_request(b"x") * 20_000)
            )
            with suppress(ConnectionError):
                await asyncio.wait_for(sending, PATIENCE_SECONDS)
            await until(lambda: edge.worker.edge.memory.held_bytes > 100)
            await until(lambda: is_at_rest(edge))
        kept = len(edge.kept())

    assert 0 < kept < 20_000


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
@pytest.mark.parametrize("sent", [ASK, ASK_LAST], ids=["kept alive", "the last"])
@on_uvloop
async def test_a_tls_client_that_does_not_read_is_cut_off_at_the_deadline(tmp_path, sent):
    """Encrypted and plain bytes are both bounded."""
    pair = make_pair(tmp_path, "a")
    limits = EdgeLimits(**SMALL_BUFFERS)
    async with running_edge(
        tmp_path, limits=limits, partition_schema=large_text, certificate=Certificate(*pair)
    ) as edge:
        connection = slow_reader(edge, b"")
        connection.setblocking(True)
        context = ssl.create_default_context(cafile=str(pair[0]))
        wrapped = await asyncio.to_thread(context.wrap_socket, connection, server_hostname="127.0.0.1")
        with closing([wrapped]):
            wrapped.sendall(sent)
            await until(lambda: edge.worker.edge.memory.held_bytes >= MIB)
            await until(lambda: is_at_rest(edge))


@on_uvloop
async def test_a_slow_reader_gets_its_whole_answer(tmp_path):
    """The deadline applies to each piece, not to the whole answer; HEAD gets only the length."""
    limits = EdgeLimits(**SMALL_BUFFERS)
    async with running_edge(tmp_path, limits=limits, partition_schema=large_text) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, limit=KIB)
        writer.write(ASK.replace(b"GET", b"HEAD") + ASK)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Content-Length: %d\r\n" % MIB in head
        received = b""
        started = asyncio.get_running_loop().time()
        while len(received) < MIB + received.find(b"\r\n\r\n") + 4:
            received += await reader.read(64 * KIB)
            await asyncio.sleep(0.05)
        took = asyncio.get_running_loop().time() - started
        writer.close()
        await until(lambda: is_at_rest(edge))

    (answer,) = parse_answers(received)
    assert (answer.status, answer.body) == (200, large_text())
    assert took > limits.answer_timeout_seconds


@on_uvloop
async def test_unread_answers_stay_within_the_bound_and_a_good_post_within_it_is_kept(tmp_path):
    """The readers that have stalled longest are cut off."""
    limits = EdgeLimits(send_buffer_bytes=8 * KIB, max_in_flight_bytes=4 * MIB)
    async with running_edge(tmp_path, limits=limits, partition_schema=large_text) as edge:
        memory = edge.worker.edge.memory
        most = 0
        connections = []
        with closing(connections):
            for _ in range(12):
                connections.append(slow_reader(edge, ASK))
                await asyncio.sleep(0.1)
                most = max(most, memory.held_bytes)
            statuses = [await edge.status(a_request(b"x" * MIB)) for _ in range(3)]
        await until(lambda: is_at_rest(edge))

    assert statuses == [200] * 3
    assert 2 * MIB < most <= 4 * MIB


# Bodies that do not arrive.


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("part", [b"", b"x" * 4 * KIB], ids=["only a head", "a part"])
@on_uvloop
async def test_announced_bytes_that_do_not_arrive_take_no_memory(tmp_path, part, is_chunked):
    """A hundred clients that announce 1 MiB each, beside bodies that just fit the bound."""
    limits = EdgeLimits(max_in_flight_bytes=2 * MIB)
    framing = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % MIB
    start = b"POST /submit/stalled HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n"
    start += b"%x\r\n%s" % (MIB, part) if is_chunked else part
    async with running_edge(tmp_path, limits=limits) as edge:
        stalled = [await asyncio.open_connection("127.0.0.1", edge.port) for _ in range(100)]
        for _, writer in stalled:
            writer.write(start)
        await until(lambda: edge.worker.edge.active_requests == 100)
        await until(lambda: edge.worker.edge.memory.held_bytes == 100 * len(part))
        statuses = [await edge.status(a_request(b"x" * MIB)) for _ in range(5)]
        for _, writer in stalled:
            writer.close()
        await until(lambda: is_at_rest(edge))

    assert statuses == [200] * 5


@on_uvloop
async def test_incomplete_bodies_that_fill_the_memory_get_503(tmp_path):
    """Complete bodies, and bodies in several packets, get their memory."""
    limits = EdgeLimits(max_in_flight_bytes=MIB, lingering_seconds=0.2)
    half = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n".encode() + b"x" * 100_000
    whole = a_request(b"y" * 90_000)
    async with running_edge(tmp_path, limits=limits) as edge:
        stalled = [await asyncio.open_connection("127.0.0.1", edge.port) for _ in range(10)]
        for _, writer in stalled:
            writer.write(half)
        await until(lambda: edge.worker.edge.memory.held_bytes == MIB // 100_000 * 100_000)
        await asyncio.sleep(0.4)
        statuses = [await edge.status(whole) for _ in range(5)]
        statuses += [await edge.status(whole[:40_000], whole[40_000:80_000], whole[80_000:])]
        held = edge.worker.edge.memory.held_bytes
        reader, _ = stalled[0]
        answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        for _, writer in stalled:
            writer.close()
        await until(lambda: is_at_rest(edge))
        bodies = [kept.body[:1] for kept in edge.kept()]

    assert statuses == [200] * 6
    assert held <= MIB
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"Retry-After" in answer
    assert bodies == [b"y"] * 6


@on_uvloop
async def test_a_body_sent_byte_by_byte_takes_only_the_memory_of_its_bytes(tmp_path):
    """A list of its parts would take fifty times as much."""
    async with running_edge(tmp_path) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n".encode())
        for number in range(300):
            assert edge.worker.edge.memory.held_bytes <= number
            writer.write(b"%d" % (number % 10))
            await asyncio.sleep(0.001)
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        (kept,) = edge.kept()

    assert answer.startswith(b"HTTP/1.1 200")
    assert kept.body == b"0123456789" * 30


@on_uvloop
async def test_bodies_that_wait_for_the_disk_keep_their_memory(tmp_path):
    """Bodies beyond the bound get 503, whether announced or not."""
    chunked = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    disk = StuckDisk()
    async with running_edge(tmp_path, disk=disk, limits=EdgeLimits(max_in_flight_bytes=1000)) as edge, disk:
        waiting = asyncio.create_task(edge.talk(a_request(b"x" * 600)))
        await until(lambda: edge.worker.edge.memory.held_bytes == 600)
        found = [
            await edge.status(a_request(b"x" * 401)),
            await edge.status(f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 401\r\n\r\n".encode()),
            await edge.status(chunked, b"191\r\n" + b"x" * 401 + b"\r\n", b"0\r\n\r\n"),
        ]
        fitting = asyncio.create_task(edge.talk(a_request(b"x" * 400)))
        await until(lambda: edge.worker.edge.memory.held_bytes == 1000)
        disk.let_go.set()
        found += [answer.status for answer in await waiting + await fitting]
        found.append(await edge.status(a_request(b"x" * 1000)))

    assert found == [503, 503, 503, 200, 200, 200]


# Malformed chunks, in a later packet.

ODD_CHUNKS = {
    "a size that is none": [b"2\r\n{}\r\n", b"zz\r\n"],
    "a size below nothing": [b"2\r\n{}\r\n", b"-1\r\n"],
    "a chunk longer than its size": [b"2\r\n{}", b"xx\r\n"],
    "a size past 64 bits": [b"2\r\n{}\r\n", b"f" * 17 + b"\r\n"],
    "a bare line feed": [b"2\r\n{}\r\n", b"2\n{}"],
    "at once": [b"zz\r\n"],
    "in its trailers": [b"2\r\n{}\r\n0\r\n", b"\x00: x\r\n\r\n"],
}


@pytest.mark.parametrize("name", ODD_CHUNKS)
@pytest.mark.parametrize("is_gone", [False, True], ids=["the client waits", "the client goes"])
@on_uvloop
async def test_a_malformed_chunk_is_answered_400_at_once_and_holds_no_memory(tmp_path, name, is_gone):
    """Long before the deadline of the body; the following bytes are not read as a request."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    async with running_edge(tmp_path) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        parts = [head, *ODD_CHUNKS[name], a_request(path="/submit/smuggled")]
        for part, following in pairwise([*parts, b""]):
            writer.write(part)
            if following:
                await asyncio.sleep(0.03)
        answer = b""
        if is_gone:
            writer.transport.abort()
        else:
            answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
            writer.close()
        await until(lambda: is_at_rest(edge))
        kept = edge.kept()

    assert kept == []
    assert [found.status for found in parse_answers(answer)] == ([] if is_gone else [400])
