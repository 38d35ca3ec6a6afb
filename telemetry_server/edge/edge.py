"""
One worker's HTTP: a request in, an answer out.

Routes are matched on the target as it was sent, never decoded, but for slashes
that are doubled before ``submit``; a path that a client wrote is kept as text
and is no file's name.
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
from storage.raw.writer import RawWriter, utc_now
from telemetry_server.edge import responses
from telemetry_server.edge.admission import Admission
from telemetry_server.edge.body import BodyBroken, BodyReader, BodyTooLarge, BodyTooSlow, NoRoomForBody
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
from telemetry_server.edge.submit_head import SubmitHead
from telemetry_server.edge.submit_target import SUBMIT, namespace_of_path, routed_path

SUBMIT_METHODS = frozenset({"POST", "PUT"})
ALL_METHODS = "GET, HEAD, POST, PUT"


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """What the operator decides about an edge."""

    limits: EdgeLimits = field(default_factory=EdgeLimits)
    namespaces: frozenset[str] = frozenset()  # empty: all are taken
    labelled_namespaces: frozenset[str] = frozenset({"telemetry"})  # named in metrics
    cors_origins: frozenset[str] = frozenset()  # of web pages that may submit; or "*"
    trusted_hops: int = 0
    keeps_client_address: bool = False  # as a /24 or /48
    version: bytes = b"{}"  # what /__version__ says, JSON
    partition_schema: Callable[[], bytes] = bytes
    revision_cache_dir: Path | None = None
    # Definitions that are no file of their own there: "<repo…>/<revision>" to their text.  May block.
    other_definitions: Callable[[str], bytes | None] | None = None
    fast_lane: bool = True  # plain submits by `lane`, without the application
    conversion: ConversionWatch | None = None  # None: nothing is said of it
    has_admin_port: bool = False  # then metrics are shown there and nowhere else
    reports_url: str = ""  # where the reports are; empty: there are none
    on_hangup: Callable[[], None] = lambda: None  # SIGHUP: what was read from files is read again


class Edge:
    """Answers requests; the same for every connection of a worker."""

    def __init__(
        self, options: EdgeOptions, writer: RawWriter, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.options = options
        self.limits = options.limits
        self.open_connections = 0
        self.active_requests = 0
        self.memory = ClientMemory(options.limits.max_in_flight_bytes)
        self.is_draining = False
        self.tally = EdgeCounters(options.namespaces | options.labelled_namespaces)
        self.count_answer = self.tally.count_answer
        self.admission = Admission(self, writer)
        self._writer = writer
        self._clock = clock
        self._reading = ServiceEndpoints(self, writer)

    def submission(
        self, head: SubmitHead, body: bytes, transport: asyncio.BaseTransport | None
    ) -> Submission:
        """Return the submission of *head* and *body*, which arrived now on *transport*."""
        address = None
        if self.options.keeps_client_address:
            peer = transport.get_extra_info("peername") if transport is not None else None
            address = truncated_address(
                head.forwarded_for, peer[0] if peer else None, self.options.trusted_hops
            )
        # Positional: this runs for every submission.
        return Submission(
            self._clock(),
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
        """Answer *request*, with *is_admin* on the admin port.  Nothing that is sent makes it raise."""
        self.active_requests += 1
        try:
            response = await self._answer(request, is_admin=is_admin)
        finally:
            self.active_requests -= 1
        self.tally.count_answer(response.status)
        # Another protocol that a client offers is not taken; what follows may be of that one.
        offers_another = hdrs.UPGRADE in request.headers
        # A client that waited to be asked for its body may send it now, or the next request instead.
        is_body_due = not request.content.is_eof()
        is_last = cast(LimitedHandler, request.protocol).is_last_answer() or self.is_draining
        if is_last or offers_another or is_body_due:
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest, *, is_admin: bool) -> web.StreamResponse:
        version = request._message.version
        if version not in (HttpVersion11, HttpVersion10):
            # So that the answer is in a version that there is.
            request._version = HttpVersion11
            return responses.refused_for_good(400)
        if is_framing_odd(request, is_old=version == HttpVersion10):
            return responses.refused_for_good(400)
        if request.method == hdrs.METH_CONNECT:
            # What follows it is neither a body nor a request.
            return responses.refused_for_good(405, allow=ALL_METHODS)
        target = request.raw_path
        if len(target) > self.limits.max_target_bytes or not target.isascii():
            target_bytes = target.encode("utf-8", "surrogateescape")
            if len(target_bytes) > self.limits.max_target_bytes:
                return responses.refused_for_good(414)
            target = target_bytes.decode("utf-8", "backslashreplace")
        path, _, query = origin_form(target).partition("?")
        routed = routed_path(path)
        if routed.startswith(SUBMIT) and len(routed) > len(SUBMIT) and not is_admin:
            response = await self._answer_submit(request, path, query, routed=routed)
            for name, value in cors_headers(self.options.cors_origins, request.headers).items():
                response.headers.setdefault(name, value)
            return response
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
        """Keep one submission; a 200 means that it is on disk."""
        limits = self.limits
        try:
            headers, host = kept_headers(request._message.raw_headers, limits.max_kept_header_bytes)
        except HeaderTooLarge:
            return responses.refused_for_good(431)
        refusal = self.admission.refusal(routed, request.content_length or 0)
        if refusal is not None:
            return responses.refused_for_good(refusal)
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
                body = await self._body(request, reader)
                await self._writer.append(self.submission(head, body, request.transport))
        except StorageError as error:
            return responses.refused(responses.status_of(error))
        except BodyTooLarge:
            return responses.refused_for_good(limits.oversize_status)
        except BodyTooSlow:
            return responses.refused_for_good(408)
        except (BodyBroken, ConnectionError):
            return responses.refused_for_good(400)
        except NoRoomForBody:
            return responses.refused_for_good(503)
        self.tally.count_kept(namespace_of_path(routed))
        return responses.kept()

    async def _body(self, request: web.BaseRequest, reader: BodyReader) -> bytes:
        content = request.content
        if content.is_eof() and content.exception() is None:
            return reader.read_at_once()
        if (
            request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
            and request._message.version == HttpVersion11
        ):
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # So that an error after it can still be answered.
            request.writer.output_size = 0
        return await reader.read_slowly()


def is_framing_odd(request: web.BaseRequest, *, is_old: bool) -> bool:
    """
    Whether programs may disagree about where *request* ends (RFC 9112, 6.1 and 6.3).

    The library refuses most of these itself.  It takes an empty
    Transfer-Encoding as none, also beside a length, and chunks in HTTP/1.0,
    where a proxy may not know them.
    """
    if hdrs.TRANSFER_ENCODING not in request.headers:
        return False
    return is_old or not request._message.chunked or hdrs.CONTENT_LENGTH in request.headers


def origin_form(target: str) -> str:
    """*target* without the scheme and the host that a client may put before the path (RFC 9112, 3.2.2)."""
    if target.startswith("/"):
        return target
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return target
    slash = rest.find("/")
    return rest[slash:] if slash >= 0 else "/"
