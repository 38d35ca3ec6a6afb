"""Runs one edge worker, in a process of its own: listens, stores submissions, drains."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from storage.disk import Disk
from storage.errors import WriterDead
from storage.raw.free_space import RESERVE_BYTES
from storage.raw.handover import Commit
from storage.raw.segment_file import MAX_SEGMENT_AGE_SECONDS
from storage.raw.submission_writer import SubmissionWriter
from storage.raw.writer import RawWriter
from telemetry_server.edge.aiohttp_check import check_aiohttp
from telemetry_server.edge.edge import Edge, EdgeOptions
from telemetry_server.edge.fast_path import FastPath
from telemetry_server.edge.limited_server import LimitedServer
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.tls import Certificate, TlsListener
from telemetry_server.edge.worker_process import allow_open_files, keep_freed_memory, shorten_time_slices
from telemetry_server.observability.events import WriterDied

# Time for a balancer to see the changed heartbeat, and for connections that have just arrived.
STOP_LISTENING_AFTER_SECONDS = 0.1
# After a disk failure: time to send the answers that report it.
LINGER_AFTER_DEATH_SECONDS = 1.0
POLL_SECONDS = 0.02
CUT_OFF_SECONDS = 0.2  # aiohttp takes 0 as unlimited
# What is handed on can be removed when its segment is sealed.
PASSING_SEGMENT_AGE_SECONDS = 10.0
SPARE_FILES = 256  # descriptors for segments, spec files and metrics
MAX_ADMIN_CONNECTIONS = 64

Address = tuple[int, tuple[object, ...]]  # family and socket address


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Where a worker writes, and its descriptors shared with other processes; -1 for none."""

    raw_dir: Path
    number: int
    min_free_bytes: int | None = None
    reserve_bytes: int = RESERVE_BYTES
    commit_timeout_seconds: float = 5.0
    wake_fd: int = -1  # a byte is written to it after a commit
    lifeline_fd: int = -1  # reaches its end when the supervisor is gone


@dataclass(frozen=True, slots=True)
class Listeners:
    """The addresses that a worker listens on, together with other workers."""

    public: Sequence[Address]
    admin: Sequence[Address] = ()
    certificate: Path | None = None  # PEM files: if set, the public addresses use TLS
    key: Path | None = None


class AdminConnections:
    """Counts the connections of the admin port apart, so that it answers when the public port is full."""

    def __init__(self, edge: Edge) -> None:
        self.limits: EdgeLimits = replace(edge.limits, max_connections=MAX_ADMIN_CONNECTIONS)
        self.memory = edge.memory
        self.open_connections = 0
        self.headers_of_refusals: dict[str, str] = {}
        self.count_answer = edge.count_answer


class EdgeWorker:
    """
    A listening edge with its writer.

    Use it with ``async with``; leaving cuts off requests that `drain` did not finish.
    """

    def __init__(self, options: EdgeOptions, place: WorkerPlace, *, disk: Disk | None = None) -> None:
        check_aiohttp()
        self._options = options
        self._place = place
        raw = RawWriter(
            place.raw_dir,
            worker=place.number,
            disk=disk,
            min_free_bytes=place.min_free_bytes,
            reserve_bytes=place.reserve_bytes,
            commit_timeout_seconds=place.commit_timeout_seconds,
            on_commit=self._committed,
            max_segment_age_seconds=(
                MAX_SEGMENT_AGE_SECONDS if options.around_writer is None else PASSING_SEGMENT_AGE_SECONDS
            ),
        )
        self.writer: SubmissionWriter = raw if options.around_writer is None else options.around_writer(raw)
        self.edge = Edge(options, self.writer)
        self.ports: list[int] = []
        self.admin_ports: list[int] = []
        self._listeners: list[asyncio.Server] = []
        self._tls_listeners: list[TlsListener] = []

    async def __aenter__(self) -> "EdgeWorker":
        await self.writer.__aenter__()
        if self._options.open_api is not None:
            self.edge.api = self._options.open_api(self.edge)
        # Made here because it needs the running loop.
        self._server = LimitedServer(self.edge.handle, owner=self.edge)
        self._fast_path = FastPath(self.edge, self._server, self.writer)
        self._admin_server = LimitedServer(
            partial(self.edge.handle, is_admin=True), owner=AdminConnections(self.edge)
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._stop_listening()
        for listener in self._tls_listeners:
            await listener.wait_closed()
        await self._fast_path.shutdown(CUT_OFF_SECONDS)
        for server in (self._server, self._admin_server):
            server.close_idle()
            await server.shutdown(CUT_OFF_SECONDS)
        if self.edge.api is not None:
            await self.edge.api.close()
        await self.writer.close()
        self.edge.tally.flush()

    async def listen(self, addresses: Sequence[Address], *, certificate: Certificate | None = None) -> None:
        """Listen for submissions on *addresses*, with TLS if there is a *certificate*."""
        for listening in map(self._bound, addresses):
            self.ports.append(listening.getsockname()[1])
            if certificate is None:
                await self._listen(self._fast_path if self._options.fast_lane else self._server, listening)
            else:
                listening.listen(self._options.limits.backlog)
                self._tls_listeners.append(TlsListener(self._server, certificate, listening))

    async def listen_for_admin(self, addresses: Sequence[Address]) -> None:
        """Listen on *addresses* for metrics and health checks; submissions are not accepted there."""
        for listening in map(self._bound, addresses):
            self.admin_ports.append(listening.getsockname()[1])
            await self._listen(self._admin_server, listening)

    async def _listen(self, server: LimitedServer | FastPath, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        backlog = self._options.limits.backlog
        self._listeners.append(await loop.create_server(server, sock=listening, backlog=backlog))

    def _bound(self, address: Address) -> socket.socket:
        family, name = address
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Inherited by connections: by default the kernel holds megabytes for a client that does not read.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._options.limits.send_buffer_bytes)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(name)
        return bound

    async def drain(self) -> bool:
        """
        Answer pending requests, refuse new ones, store accepted submissions, and seal the segment.

        Returns:
            False if the time ran out and something was cut off.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._options.limits.drain_timeout_seconds
        self.edge.is_draining = True
        await asyncio.sleep(STOP_LISTENING_AFTER_SECONDS)
        self._stop_listening()
        # With an event, every request would have to check it at its end.
        while self.edge.active_requests and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        self._fast_path.close_idle()
        self._server.close_idle()
        is_clean = not self.edge.active_requests
        try:
            # Accepted submissions get one more second: their answers may be next.
            async with asyncio.timeout_at(max(deadline, loop.time() + 1.0)):
                await self.writer.close()
        except TimeoutError:
            return False
        return is_clean

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()
        for tls_listener in self._tls_listeners:
            tls_listener.close()
        self._listeners = []

    def _committed(self, commit: Commit) -> None:
        self.edge.tally.count_commit(commit)
        if self._place.wake_fd >= 0:
            try:
                os.write(self._place.wake_fd, b"\0")
            except BlockingIOError:
                pass  # the pipe is full of wake-ups already
            except BrokenPipeError:
                pass  # the converter is gone; the supervisor restarts it


async def serve_until_stopped(
    options: EdgeOptions,
    place: WorkerPlace,
    listeners: Listeners,
    on_ready: Callable[[], None],
) -> int:
    """
    Listen until SIGTERM, the end of the lifeline, or the death of the writer.  SIGHUP: read files again.

    Returns:
        0 after a clean drain, 1 if something was cut off, 70 if the disk failed.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    # The signal may arrive twice: from the supervisor, and sent to the whole process group.
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    certificate = None
    if listeners.certificate is not None and listeners.key is not None:
        certificate = Certificate(listeners.certificate, listeners.key)

    def read_again() -> None:
        options.on_hangup()
        if certificate is not None:
            certificate.read_again()

    loop.add_signal_handler(signal.SIGHUP, read_again)
    if place.lifeline_fd >= 0:
        loop.add_reader(place.lifeline_fd, stopping.set)
    if place.wake_fd >= 0:
        os.set_blocking(place.wake_fd, False)
    async with EdgeWorker(options, place) as worker:
        await worker.listen(listeners.public, certificate=certificate)
        await worker.listen_for_admin(listeners.admin)
        on_ready()
        death = asyncio.ensure_future(worker.writer.wait_until_dead())
        waiting = asyncio.ensure_future(stopping.wait())
        await asyncio.wait({death, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if place.lifeline_fd >= 0:
            loop.remove_reader(place.lifeline_fd)
        if death.done():
            return await _after_death(death.result())
        death.cancel()
        is_clean = await worker.drain()
    return 0 if is_clean else 1


async def _after_death(error: WriterDead) -> int:
    WriterDied(str(error)).emit()
    await asyncio.sleep(LINGER_AFTER_DEATH_SECONDS)
    return 70


def run_worker(
    options: EdgeOptions,
    place: WorkerPlace,
    listeners: Listeners,
    on_ready: Callable[[], None] = lambda: None,
) -> int:
    """Run a worker in this process until it is stopped; return its exit status."""
    import uvloop

    # A terminal sends an interrupt to all processes; the supervisor passes it on as SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    allow_open_files(options.limits.max_connections + MAX_ADMIN_CONNECTIONS + SPARE_FILES)
    keep_freed_memory()
    shorten_time_slices()  # the thread of the commits inherits them
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve_until_stopped(options, place, listeners, on_ready))
