"""The collector's endpoints below ``/api/v1/`` of the edge: routes, limits, and the error envelope."""

import asyncio
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from telemetry_server.edge import responses
from telemetry_server.edge.body import (
    BodyBroken,
    BodyReader,
    BodyTooLarge,
    BodyTooSlow,
    NoRoomForBody,
    read_body,
)
from telemetry_server.edge.request_headers import truncated_address
from telemetry_server.fuel.collector.errors import RequestRefused
from telemetry_server.fuel.collector.intake import Intake, IntakeOptions
from telemetry_server.fuel.collector.request_limits import limited_address
from telemetry_server.fuel.collector.requests import Answer, IntakeRequest, error, ok
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.engine import SQLITE
from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.documents.doctypes import Doctype
from telemetry_server.fuel.documents.schemas import published
from telemetry_server.observability.events import FuelDatabaseAway, FuelDatabaseBack, WorkFailed

if TYPE_CHECKING:
    from telemetry_server.edge.edge import Edge

PREFIX = "/api/v1/"
SCHEMAS = "schemas"
INTAKES = frozenset({"action_logs", "installation_structure", "oswl_stats", "ostf_runs", "failure_reports"})
GET = "GET, HEAD"
MAX_WAITING = 32  # requests that are complete and wait for a thread
SQLITE_THREADS, POSTGRESQL_THREADS = 1, 4  # SQLite has one writer at a time
RETRY_SECONDS = (10, 30)  # random: senders that were refused together do not return together


class Collector:
    """
    Answers requests below `PREFIX`.

    Args:
        edge: The worker whose limits, memory and counts it shares.
        database_url: Of the collector's database.
    """

    def __init__(self, edge: "Edge", database_url: str, options: IntakeOptions) -> None:
        self._edge = edge
        self._limits = replace(edge.limits, max_body_bytes=options.max_body_bytes)
        self._database = CollectorDatabase(database_url, connections=POSTGRESQL_THREADS)
        threads = SQLITE_THREADS if self._database.dialect == SQLITE else POSTGRESQL_THREADS
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="fuel")
        self._waiting = 0
        self._is_away = False
        self.intake = Intake(self._database, options)

    async def answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer *request* for *path*, which begins with `PREFIX`."""
        started = perf_counter()
        try:
            answer = await self._answer(request, path, started)
        except RequestRefused as refused:
            seconds = refused.retry_after_seconds
            headers = {} if seconds is None else {str(hdrs.RETRY_AFTER): str(seconds)}
            answer = error(refused.status, refused.message, headers)
        except (BodyTooLarge, BodyTooSlow, BodyBroken, NoRoomForBody, ConnectionError) as failed:
            return _closed(_of_body(failed, self._limits.max_body_bytes))
        except Exception as failed:
            WorkFailed("answering a Fuel request", f"{type(failed).__name__}: {failed}").emit()
            answer = error(500, "internal error")
        return _response(answer, has_body=request.method != hdrs.METH_HEAD)

    async def close(self) -> None:
        """End the threads after what they do now, and close the connections."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._threads.shutdown)
        self._database.close()

    async def _answer(self, request: web.BaseRequest, path: str, started: float) -> Answer:
        endpoint, _, rest = path.removeprefix(PREFIX).partition("/")
        if endpoint in INTAKES and not rest:
            if request.method != hdrs.METH_POST:
                return _wrong_method(hdrs.METH_POST)
            return await self._take(request, endpoint, path)
        if endpoint == "ping" and not rest:
            # Without the database: it says that this process lives.
            if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
                return _wrong_method(GET)
            return ok(perf_counter() - started)
        schema = _schemas(rest.removesuffix("/")) if endpoint == SCHEMAS else None
        if schema is None:
            return error(404, "not found")
        return (
            Answer(200, schema) if request.method in (hdrs.METH_GET, hdrs.METH_HEAD) else _wrong_method(GET)
        )

    async def _take(self, request: web.BaseRequest, endpoint: str, path: str) -> Answer:
        edge, limits = self._edge, self._limits
        address = self._address_of(request)
        self.intake.limits.check_address(address)
        announced = request.content_length or 0
        if announced > limits.max_body_bytes:
            raise BodyTooLarge
        if edge.is_draining or self._waiting >= MAX_WAITING or not edge.memory.has_room_for(announced):
            return _later("busy, or shutting down: send it again")
        with BodyReader(request.content, limits, edge.memory) as reader:
            body = await read_body(request, reader)
            headers = {name.lower(): value for name, value in request.headers.items()}
            taken = IntakeRequest(endpoint, request.method, path, headers, body, address)
            return await self._in_a_thread(lambda: self.intake.take(taken))

    def _address_of(self, request: web.BaseRequest) -> str:
        """Return the network of the client, to be counted in memory; empty where it is not counted."""
        peer = None if request.transport is None else request.transport.get_extra_info("peername")
        forwarded = ", ".join(request.headers.getall(hdrs.X_FORWARDED_FOR, ()))
        # A socket file has no address.
        text = peer[0] if isinstance(peer, tuple) else None
        return limited_address(truncated_address(forwarded, text, self._edge.options.trusted_hops))

    async def _in_a_thread(self, work: Callable[[], Answer]) -> Answer:
        self._waiting += 1
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except DatabaseAway as away:
            if not self._is_away:
                self._is_away = True
                FuelDatabaseAway(str(away)).emit()
            return _later("the database is away: send it again")
        finally:
            self._waiting -= 1
        if self._is_away:
            self._is_away = False
            FuelDatabaseBack().emit()
        return answer


def _schemas(name: str) -> Mapping[str, object] | None:
    """Return the schemas of the doctype *name*, or of all doctypes without a name; None if it is unknown."""
    if not name:
        return {str(doctype): published(doctype) for doctype in Doctype}
    return published(Doctype(name)) if name in set(Doctype) else None


def _wrong_method(allowed: str) -> Answer:
    return error(405, "method not allowed", {hdrs.ALLOW: allowed})


def _later(message: str) -> Answer:
    return error(503, message, {hdrs.RETRY_AFTER: str(random.randint(*RETRY_SECONDS))})


def _of_body(failed: Exception, max_bytes: int) -> Answer:
    if isinstance(failed, BodyTooLarge):
        return error(413, f"larger than {max_bytes} bytes")
    if isinstance(failed, BodyTooSlow):
        return error(408, "the body was not complete in time")
    if isinstance(failed, NoRoomForBody):
        return _later("busy: send it again")
    return error(400, "the body ended early")


def _response(answer: Answer, *, has_body: bool = True) -> web.Response:
    headers = {hdrs.SERVER: responses.SERVER, hdrs.CONTENT_TYPE: "application/json", **answer.headers}
    return web.Response(body=answer.text() if has_body else b"", status=answer.status, headers=headers)


def _closed(answer: Answer) -> web.Response:
    response = _response(answer)
    response.force_close()
    return response
