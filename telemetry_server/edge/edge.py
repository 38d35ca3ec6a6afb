"""
Answers HTTP requests in one worker.

Routes are matched on the request target as sent, without decoding; only repeated slashes
before ``submit`` count as one.  The path of a submission is stored as text and never names a file.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web

from storage.errors import StorageError
from storage.progress.waiting import ConversionWatch
from storage.raw.submission import Submission
from storage.raw.submission_writer import SubmissionWriter
from storage.raw.writer import RawWriter, utc_now
from telemetry_server.edge import responses
from telemetry_server.edge.admission import Admission
from telemetry_server.edge.api import API_PREFIX, Api
from telemetry_server.edge.body import (
    BodyBroken,
    BodyReader,
    BodyTooLarge,
    BodyTooSlow,
    NoRoomForBody,
    read_body,
)
from telemetry_server.edge.client_memory import ClientMemory
from telemetry_server.edge.connection_limits import LimitedHandler
from telemetry_server.edge.cors import cors_headers, preflight_headers
from telemetry_server.edge.counters import EdgeCounters
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.request_headers import (
    FORWARDED_FOR,
    HeaderTooLarge,
    kept_headers,
    truncated_address,
)
from telemetry_server.edge.service_endpoints import ServiceEndpoints
from telemetry_server.edge.submit_connection import Activity
from telemetry_server.edge.submit_head import SubmitHead
from telemetry_server.edge.submit_target import SUBMIT, namespace_of_path, routed_path

SUBMIT_METHODS = frozenset({"POST", "PUT"})
ALL_METHODS = "GET, HEAD, POST, PUT"


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """The settings of an edge."""

    limits: EdgeLimits = field(default_factory=EdgeLimits)
    namespaces: frozenset[str] = frozenset()  # empty: all are admitted
    labelled_namespaces: frozenset[str] = frozenset({"telemetry"})  # labels of metrics
    cors_origins: frozenset[str] = frozenset()  # of web pages that may submit; or "*"
    trusted_hops: int = 0
    keeps_client_address: bool = False  # as a /24 or /48
    version: bytes = b"{}"  # the JSON of /__version__
    partition_schema: Callable[[], bytes] = bytes
    revision_cache_dir: Path | None = None
    # Finds definitions without a file there: "<repo…>/<revision>" to their text.  May block.
    other_definitions: Callable[[str], bytes | None] | None = None
    fast_lane: bool = True  # plain submits are answered by `FastPath`, without aiohttp
    conversion: ConversionWatch | None = None  # None: the heartbeat omits it
    has_admin_port: bool = False  # if so, only the admin port shows metrics
    reports_url: str = ""  # the address of the reports; empty if there are none
    on_hangup: Callable[[], None] = lambda: None  # SIGHUP: read files again
    open_api: Callable[["Edge"], Api] | None = None  # what answers below /api/v1/, made in the worker
    # Puts another writer in front of the one of raw/, for a worker that hands its submissions on.
    around_writer: Callable[[RawWriter], SubmissionWriter] | None = None


class Edge(Activity):
    """Answers the requests of all connections of a worker."""

    def __init__(
        self, options: EdgeOptions, writer: SubmissionWriter, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.options = options
        self.limits = options.limits
        self.open_connections = 0
        self.headers_of_refusals: dict[str, str] = {}
        self.active_requests = 0
        self.memory = ClientMemory(options.limits.max_in_flight_bytes)
        self.is_draining = False
        self.tally = EdgeCounters(options.namespaces | options.labelled_namespaces)
        self.count_answer = self.tally.count_answer
        self.admission = Admission(self, writer)
        self.api: Api | None = None  # None: nothing is below /api/v1/
        self._writer = writer
        self.clock = clock
        self._reading = ServiceEndpoints(self, writer)

    def address_of(self, forwarded_for: str | None, transport: asyncio.BaseTransport | None) -> str | None:
        """Return the network that a request came from; None without a valid address."""
        peer = transport.get_extra_info("peername") if transport is not None else None
        return truncated_address(forwarded_for, peer[0] if peer else None, self.options.trusted_hops)

    def submission(
        self, head: SubmitHead, body: bytes, transport: asyncio.BaseTransport | None
    ) -> Submission:
        """Return the submission of *head* and *body*, which arrived now on *transport*."""
        address = None
        if self.options.keeps_client_address:
            address = self.address_of(head.forwarded_for, transport)
        return Submission(
            self.clock(),
            head.path,
            body,
            head.query,
            head.method,
            head.protocol,
            head.host,
            head.headers,
            address,
        )

    async def handle(self, request: web.BaseRequest, *, is_admin: bool = False) -> web.StreamResponse:
        """Answer *request*, with *is_admin* on the admin port.  No request makes it raise."""
        self.active_requests += 1
        try:
            response = await self._answer(request, is_admin=is_admin)
        finally:
            self.active_requests -= 1
        self.tally.count_answer(response.status)
        # The server never upgrades; the bytes that follow may be of the offered protocol.
        offers_another = hdrs.UPGRADE in request.headers
        # A client that awaits 100 Continue may now send its body, or the next request.
        is_body_due = not request.content.is_eof()
        is_last = cast(LimitedHandler, request.protocol).is_last_answer() or self.is_draining
        if is_last or offers_another or is_body_due:
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest, *, is_admin: bool) -> web.StreamResponse:
        version = request._message.version
        if version not in (HttpVersion11, HttpVersion10):
            # aiohttp answers in the version of the request.
            request._version = HttpVersion11
            return responses.refused_and_closed(400)
        if is_framing_odd(request, is_old=version == HttpVersion10):
            return responses.refused_and_closed(400)
        if request.method == hdrs.METH_CONNECT:
            # The bytes that follow are neither a body nor a request.
            return responses.refused_and_closed(405, allow=ALL_METHODS)
        target = request.raw_path
        if len(target) > self.limits.max_target_bytes or not target.isascii():
            target_bytes = target.encode("utf-8", "surrogateescape")
            if len(target_bytes) > self.limits.max_target_bytes:
                return responses.refused_and_closed(414)
            target = target_bytes.decode("utf-8", "backslashreplace")
        path, _, query = origin_form(target).partition("?")
        routed = routed_path(path)
        if routed.startswith(SUBMIT) and len(routed) > len(SUBMIT) and not is_admin:
            response = await self._answer_submit(request, path, query, routed=routed)
            for name, value in cors_headers(self.options.cors_origins, request.headers).items():
                response.headers.setdefault(name, value)
            return response
        if self.api is not None and routed.startswith(API_PREFIX) and not is_admin:
            return await self.api.answer(request, path)
        shows_metrics = is_admin or not self.options.has_admin_port
        return await self._reading.answer(
            request.method,
            path,
            shows_metrics=shows_metrics,
            cut_off=cast(LimitedHandler, request.protocol).cut_off,
        )

    async def _answer_submit(
        self, request: web.BaseRequest, path: str, query: str, *, routed: str
    ) -> web.Response:
        if request.method in SUBMIT_METHODS:
            return await self._submit(request, path, query, routed)
        if request.method == hdrs.METH_OPTIONS:
            headers = preflight_headers(self.options.cors_origins, request.headers)
            if headers is not None:
                return responses.preflight(headers)
        return responses.refused(405, allow="POST, PUT")

    async def _submit(self, request: web.BaseRequest, path: str, query: str, routed: str) -> web.Response:
        """Store one submission; a 200 means that it is on disk."""
        limits = self.limits
        try:
            headers, host = kept_headers(request._message.raw_headers, limits.max_kept_header_bytes)
        except HeaderTooLarge:
            return responses.refused_and_closed(431)
        refusal = self.admission.refusal(routed, request.content_length or 0)
        if refusal is not None:
            return responses.refused_and_closed(refusal)
        head = SubmitHead(
            method=request.method,
            path=path,
            query=query,
            protocol="HTTP/1.1" if request._message.version == HttpVersion11 else "HTTP/1.0",
            forwarded_for=headers.pop(FORWARDED_FOR, None),
            host=host,
            headers=headers,
        )
        try:
            with BodyReader(request.content, limits, self.memory) as reader:
                body = await read_body(request, reader)
                await self._writer.append(self.submission(head, body, request.transport))
        except StorageError as error:
            return responses.refused(responses.status_of(error))
        except BodyTooLarge:
            return responses.refused_and_closed(limits.oversize_status)
        except BodyTooSlow:
            return responses.refused_and_closed(408)
        except (BodyBroken, ConnectionError):
            return responses.refused_and_closed(400)
        except NoRoomForBody:
            return responses.refused_and_closed(503)
        self.tally.count_kept(namespace_of_path(routed))
        return responses.kept()


def is_framing_odd(request: web.BaseRequest, *, is_old: bool) -> bool:
    """
    Return whether programs may disagree about where *request* ends (RFC 9112, 6.1 and 6.3).

    aiohttp refuses most such requests.  But it ignores an empty Transfer-Encoding, even beside a
    Content-Length, and it accepts chunks in HTTP/1.0, which a proxy may not understand.
    """
    if hdrs.TRANSFER_ENCODING not in request.headers:
        return False
    return is_old or not request._message.chunked or hdrs.CONTENT_LENGTH in request.headers


def origin_form(target: str) -> str:
    """Return *target* without the scheme and host that may precede the path (RFC 9112, 3.2.2)."""
    if target.startswith("/"):
        return target
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return target
    slash = rest.find("/")
    return rest[slash:] if slash >= 0 else "/"
