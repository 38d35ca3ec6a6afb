"""The reports' HTTP application: finds the route, checks who asks, and sends what the handler returns."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import cast
from urllib.parse import quote

import orjson
from aiohttp import HttpVersion10, HttpVersion11, hdrs, web

from telemetry_server.access.access_file import BadAccessFile
from telemetry_server.edge import responses
from telemetry_server.edge.client_memory import ClientMemory, HeldBytes
from telemetry_server.edge.connection_limits import LimitedHandler
from telemetry_server.edge.edge import is_framing_odd, origin_form
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.observability import metrics
from telemetry_server.observability.events import WorkFailed
from telemetry_server.reports import request_checks
from telemetry_server.reports.answers import (
    HTML,
    MIN_GZIP_BYTES,
    PROBLEM_JSON,
    TEXT,
    Answer,
    accepts_gzip,
    compressed,
    see_other,
)
from telemetry_server.reports.api import not_permitted
from telemetry_server.reports.forms import FORM, form_fields
from telemetry_server.reports.packed_file import PackedFile
from telemetry_server.reports.parameters import parsed
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.public_access import PREFLIGHT
from telemetry_server.reports.queries.errors import QueryError
from telemetry_server.reports.query_problems import problem_of_query
from telemetry_server.reports.query_process import QueryBroken
from telemetry_server.reports.request_body import MAX_BODY_BYTES, MAX_OPEN_BODY_BYTES, read_body
from telemetry_server.reports.route import Ask, Route, RouteTable, answers_json, decoded_path
from telemetry_server.reports.services import Services
from telemetry_server.reports.visitor import UNKNOWN, Proof, Visitor

GZIP_IN_THREAD_BYTES = 64 << 10
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
VARY = "Accept, Accept-Encoding, Authorization, Cookie, Origin"

ErrorPage = Callable[[Problem, Visitor, Route | None, str], Answer]
"""Makes the page of a problem, of a route and a target."""


class ReportsApp:
    """Answers requests; the owner of the listener's connections."""

    def __init__(
        self, services: Services, routes: Sequence[Route], limits: EdgeLimits, error_page: ErrorPage
    ) -> None:
        self.limits = limits
        self.memory = ClientMemory(limits.max_in_flight_bytes)
        self.open_connections = 0
        self.headers_of_refusals: Mapping[str, str] = SECURITY_HEADERS
        self.active_requests = 0
        self.is_draining = False
        self._services = services
        self._table = RouteTable(routes)
        self._error_page = error_page

    def count_answer(self, status: int) -> None:
        """Note an answer that no handler gave."""
        metrics.reports_requests.count("none", str(status))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer *request*.  Nothing that is sent makes it raise."""
        self.active_requests += 1
        began = monotonic()
        try:
            route, answer = await self._answer(request)
            response = await self._response(request, answer)
        finally:
            self.active_requests -= 1
        template = "none" if route is None else route.template
        metrics.reports_requests.count(template, str(response.status))
        metrics.reports_request_seconds.observe(monotonic() - began)
        is_last = cast(LimitedHandler, request.protocol).is_last_answer() or self.is_draining
        if is_last or hdrs.UPGRADE in request.headers or not request.content.is_eof():
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest) -> tuple[Route | None, Answer]:
        route: Route | None = None
        visitor = UNKNOWN
        cors: dict[str, str] = {}
        target = request.raw_path
        try:
            self._check_form(request)
            request_checks.check_host(self._services, request.headers.get(hdrs.HOST, ""))
            encoded, _, query = origin_form(target).partition("?")
            path = _decoded(encoded)
            cors = self._cors_headers(request.headers, path)
            if not cors:
                request_checks.check_origin(request.headers, request.method)
            elif request.method == hdrs.METH_OPTIONS:
                return None, Answer(b"", TEXT, 204, cors | PREFLIGHT, cache_control="no-store")
            visitor = replace(visitor, theme=request_checks.theme_of(request.headers))
            known = request_checks.visitor_of(self._services, request.headers)
            visitor = replace(known, theme=visitor.theme)
            route, holes = self._route(request.method, path)
            ask = await self._ask(request, route, holes, visitor, query)
            answer = await route.handler(ask)
        except ConnectionError:
            raise
        except Exception as error:
            answer = self._refusal(_problem_of(error), route, target, visitor)
        return route, replace(answer, headers={**answer.headers, **cors})

    def _cors_headers(self, headers: Mapping[str, str], path: str) -> dict[str, str]:
        public = self._services.options.public
        return public.cors_headers(path, headers, is_open=self._services.is_open)

    def _check_form(self, request: web.BaseRequest) -> None:
        version = request._message.version
        if version not in (HttpVersion11, HttpVersion10):
            request._version = HttpVersion11
            raise Problem("bad-request", "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
        if is_framing_odd(request, is_old=version == HttpVersion10):
            raise Problem("bad-request", "It is not clear where the request ends.")
        target = request.raw_path.encode("utf-8", "surrogateescape")
        if len(target) > self.limits.max_target_bytes:
            raise Problem(
                "target-too-long", f"The target is longer than {self.limits.max_target_bytes} bytes."
            )

    def _route(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        found = self._table.find(method, path)
        if isinstance(found, tuple):
            return found
        if found:
            allowed = ", ".join(found)
            raise Problem("wrong-method", f"Allowed here: {allowed}.", headers={hdrs.ALLOW: allowed})
        raise Problem("not-found", "No page has this address.")

    async def _ask(
        self, request: web.BaseRequest, route: Route, holes: Mapping[str, str], visitor: Visitor, query: str
    ) -> Ask:
        ask = Ask(
            services=self._services,
            visitor=visitor,
            method=request.method,
            target=request.raw_path,
            path=holes,
            parameters=None,
            body=b"",
            headers=request.headers,
            is_secure=request.secure,
        )
        if route.right is not None and not self._services.options.public.opens(route):
            if visitor.proof is Proof.NOTHING:
                raise _unproved()
            if not visitor.may(route.right):
                raise not_permitted(ask, route.right, "This page" if not route.is_api else "This")
        body = b"" if request.method in request_checks.SAFE_METHODS else await self._body(request, visitor)
        token = request.headers.get(request_checks.CSRF_HEADER) or _csrf_field(request, body)
        request_checks.check_csrf(self._services, visitor, request.method, token)
        return replace(ask, body=body, parameters=route.parameters and parsed(route.parameters, query))

    async def _body(self, request: web.BaseRequest, visitor: Visitor) -> bytes:
        is_known = visitor.proof is not Proof.NOTHING
        return await read_body(
            request,
            self.memory,
            max_bytes=MAX_BODY_BYTES if is_known else MAX_OPEN_BODY_BYTES,
            timeout_seconds=self.limits.body_timeout_seconds,
        )

    def _refusal(self, problem: Problem, route: Route | None, target: str, visitor: Visitor) -> Answer:
        has_json = answers_json(target) if route is None else route.has_json_errors
        if has_json:
            return Answer(
                orjson.dumps(problem.as_json()) + b"\n",
                PROBLEM_JSON,
                problem.status,
                problem.headers,
                cache_control="no-store",
            )
        if problem.name == "sign-in" and route is not None and route.method == "GET":
            return see_other(f"/sign-in?next={quote(target, safe='/', errors='replace')}")
        return replace(self._error_page(problem, visitor, route, target), headers=problem.headers)

    async def _response(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        headers = {**SECURITY_HEADERS, "Cache-Control": answer.cache_control, "Vary": VARY, **answer.headers}
        if answer.is_cacheable:
            headers["ETag"] = answer.etag
            if _is_known(request.headers.get(hdrs.IF_NONE_MATCH, ""), answer.etag):
                return web.Response(status=304, headers={"Server": responses.SERVER, **headers})
        if answer.packed is not None:
            takes_gzip = accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
            packed = answer.packed
            file = PackedFile(packed.path, answer.content_type, packed.size, keeps_packed=takes_gzip)
            file.headers.update(headers)
            return file
        body = answer.body
        if len(body) >= MIN_GZIP_BYTES and accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            pack = partial(compressed, body, hides_length=answer.content_type == HTML)
            if len(body) >= GZIP_IN_THREAD_BYTES:
                body = await asyncio.get_running_loop().run_in_executor(None, pack)
            else:
                body = pack()
            headers["Content-Encoding"] = "gzip"
        holding = HeldBytes(self.memory, cast(LimitedHandler, request.protocol).cut_off)
        if not holding.hold(len(body)):
            holding.release()
            return _no_memory()
        response = responses.StreamedResponse(body, answer.content_type, holding)
        response.set_status(answer.status)
        response.headers.update(headers)
        for cookie in answer.cookies:
            response.headers.add(hdrs.SET_COOKIE, cookie)
        return response


def _no_memory() -> web.Response:
    busy = Problem("busy", "Too many answers wait for their readers. Try again.")
    headers = {"Server": responses.SERVER, **SECURITY_HEADERS, **busy.headers}
    body = orjson.dumps(busy.as_json()) + b"\n"
    return web.Response(body=body, status=busy.status, content_type=PROBLEM_JSON, headers=headers)


def _is_known(if_none_match: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags


def _csrf_field(request: web.BaseRequest, body: bytes) -> str:
    if request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower() != FORM:
        return ""
    return form_fields(body).get("csrf", "")


def _unproved() -> Problem:
    return Problem(
        "sign-in",
        "Sign in to see this, or send a token: Authorization: Bearer …",
        headers={hdrs.WWW_AUTHENTICATE: request_checks.CHALLENGE},
    )


def _decoded(path: str) -> str:
    try:
        return decoded_path(path)
    except UnicodeDecodeError:
        raise Problem("not-found", "No page has this address.") from None


def _problem_of(error: Exception) -> Problem:
    """Return what *error* is answered with."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, QueryError):
        return problem_of_query(error)
    if isinstance(error, BadAccessFile) or (isinstance(error, QueryBroken) and not error.is_fault):
        WorkFailed("answering a report", str(error)).emit()
        if isinstance(error, QueryBroken) and error.check:
            return Problem("unavailable", f"A file is missing or damaged. {error.check} names it.")
        return Problem("unavailable", "The data cannot be read now; the server's log says why.")
    return _fault(error)


def _fault(error: Exception) -> Problem:
    """Return the problem of a fault of ours, which the log has under an id."""
    fault_id = secrets.token_hex(4)
    WorkFailed(f"answering a report ({fault_id})", f"{type(error).__name__}: {error}").emit()
    return Problem(
        "failed",
        f"The answer could not be made. The server's log has the error under {fault_id}."
        " Receiving pings is not affected.",
        members={"id": fault_id},
    )
