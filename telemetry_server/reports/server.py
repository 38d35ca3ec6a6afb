"""The listener of the reports, in a process of its own."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Any, cast

import orjson
from aiohttp import web

from telemetry_server.access.access_file import AccessFile
from telemetry_server.edge import responses
from telemetry_server.edge.aiohttp_check import check_aiohttp
from telemetry_server.edge.connection_limits import LimitedHandler
from telemetry_server.edge.limited_server import LimitedServer
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.tls import Certificate, TlsListener
from telemetry_server.observability.events import WorkFailed
from telemetry_server.reports.answers import PROBLEM_JSON, Answer
from telemetry_server.reports.app import SECURITY_HEADERS, ReportsApp
from telemetry_server.reports.jobs import Jobs
from telemetry_server.reports.openapi import document
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.queries.setup import QuerySetup
from telemetry_server.reports.query_pool import QueryPool
from telemetry_server.reports.route import Route
from telemetry_server.reports.services import ReportsOptions, Services
from telemetry_server.reports.shared_answers import SharedAnswers
from telemetry_server.reports.visitor import Visitor

LOWEST_PRIORITY = 19  # nice(2)
CUT_OFF_SECONDS = 0.2
POLL_SECONDS = 0.02
MAX_TARGET_BYTES = 8192
PARSER_PROBLEMS = {400: "bad-request", 414: "target-too-long", 431: "header-too-large"}
MAX_LINE_BYTES = MAX_TARGET_BYTES + 64  # with method and version

Address = tuple[int, tuple[object, ...]]
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class ReportsListener:
    """Where the reports listen."""

    addresses: Sequence[Address]
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """All that is served."""

    routes: Sequence[Route]
    error_page: Callable[[Services, Problem, Visitor, Route | None, str], Answer]


class NetworkHandler(LimitedHandler):
    """A connection that is closed at once unless it comes from an allowed network."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or close it."""
        networks = cast(NetworkServer, self._manager).networks
        if networks and not _is_in(transport.get_extra_info("peername"), networks):
            self._is_refused = True
            cast(asyncio.Transport, transport).abort()
            return
        super().connection_made(transport)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer for a request that could not be parsed by a problem; nothing of it is in the answer."""
        response = super().handle_error(request, status, exc, message)
        problem = Problem(PARSER_PROBLEMS.get(response.status, "failed"), "The request cannot be read.")
        answer = web.Response(
            body=orjson.dumps(problem.as_json()), status=problem.status, content_type=PROBLEM_JSON
        )
        answer.headers.update({"Server": responses.SERVER, **SECURITY_HEADERS})
        answer.force_close()
        return answer

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """End the connection, and with it the query that is asked for: its client is gone."""
        if self.transport is not None:
            self.transport.abort()
        return None


class NetworkServer(LimitedServer):
    """Makes a `NetworkHandler` for every connection; a request ends when its client goes."""

    def __init__(self, app: ReportsApp, networks: Sequence[Network]) -> None:
        super().__init__(app.handle, owner=app)
        self.handler_cancellation = True
        self.networks = networks

    def __call__(self) -> NetworkHandler:
        """The protocol of a new connection."""
        return NetworkHandler(self, owner=self.owner, loop=self._loop, **self._kwargs)


def _is_in(peer: Any, networks: Sequence[Network]) -> bool:
    try:
        address = ip_address(str(peer[0]).partition("%")[0])
    except (ValueError, TypeError, IndexError):
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)


class ReportsServer:
    """The listening reports.  Use it with ``async with``; leaving cuts off what `drain` did not finish."""

    def __init__(self, options: ReportsOptions, setup: QuerySetup, limits: EdgeLimits, site: Site) -> None:
        check_aiohttp()
        self._pool = QueryPool(setup)
        self._jobs = Jobs(time.monotonic, lambda detail: WorkFailed("a job", detail).emit())
        services = Services(
            options=options,
            access_file=AccessFile(setup.root),
            pool=self._pool,
            shared=SharedAnswers(self._pool.run, time.monotonic),
            jobs=self._jobs,
            openapi=_made_once(partial(document, site.routes, options.version)),
        )
        self.app = ReportsApp(services, site.routes, limits, partial(site.error_page, services))
        self._options = options
        self._limits = limits
        self.ports: list[int] = []
        self._listeners: list[asyncio.Server] = []
        self._tls_listeners: list[TlsListener] = []

    async def __aenter__(self) -> "ReportsServer":
        self._server = NetworkServer(self.app, self._options.networks)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._stop_listening()
        for listener in self._tls_listeners:
            await listener.wait_closed()
        self._server.close_idle()
        await self._server.shutdown(CUT_OFF_SECONDS)
        await self._jobs.close()
        await self._pool.__aexit__()

    async def listen(self, addresses: Sequence[Address], certificate: Certificate | None = None) -> None:
        """Listen on *addresses*, by TLS if there is a *certificate*."""
        for family, name in addresses:
            bound = _bound(family, name, self._limits)
            self.ports.append(bound.getsockname()[1])
            if certificate is None:
                loop = asyncio.get_running_loop()
                backlog = self._limits.backlog
                self._listeners.append(await loop.create_server(self._server, sock=bound, backlog=backlog))
            else:
                bound.listen(self._limits.backlog)
                self._tls_listeners.append(TlsListener(self._server, certificate, bound))

    async def drain(self) -> bool:
        """Answer what was asked; False if the time for it ran out."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.drain_timeout_seconds
        self.app.is_draining = True
        self._stop_listening()
        while self.app.active_requests and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        return not self.app.active_requests

    def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()
        for tls_listener in self._tls_listeners:
            tls_listener.close()
        self._listeners = []


def _made_once(make: Callable[[], bytes]) -> Callable[[], bytes]:
    made: list[bytes] = []

    def get() -> bytes:
        if not made:
            made.append(make())
        return made[0]

    return get


def _bound(family: int, name: tuple[object, ...], limits: EdgeLimits) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer_bytes)
    if family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    bound.bind(name)
    return bound


async def serve_until_stopped(
    server: ReportsServer, listener: ReportsListener, lifeline_fd: int, on_ready: Callable[[], None]
) -> int:
    """
    Listen until SIGTERM, SIGINT or the end of the lifeline.  SIGHUP: read the certificate again.

    Returns:
        0 after a clean drain, 1 if something was cut off.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    certificate = None
    if listener.certificate is not None and listener.key is not None:
        certificate = Certificate(listener.certificate, listener.key)

    def read_again() -> None:
        if certificate is not None:
            certificate.read_again()

    loop.add_signal_handler(signal.SIGHUP, read_again)
    if lifeline_fd >= 0:
        loop.add_reader(lifeline_fd, stop.set)
    async with server:
        await server.listen(listener.addresses, certificate)
        on_ready()
        await stop.wait()
        if lifeline_fd >= 0:
            loop.remove_reader(lifeline_fd)
        is_clean = await server.drain()
    return 0 if is_clean else 1


def run_reports(
    options: ReportsOptions,
    setup: QuerySetup,
    limits: EdgeLimits,
    listener: ReportsListener,
    site: Site,
    *,
    lifeline_fd: int = -1,
    on_ready: Callable[[], None] = lambda: None,
) -> int:
    """Run the reports in this process until they are to end; returns the exit status."""
    import uvloop

    os.nice(LOWEST_PRIORITY)

    async def serve() -> int:
        return await serve_until_stopped(
            ReportsServer(options, setup, limits, site), listener, lifeline_fd, on_ready
        )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve())
