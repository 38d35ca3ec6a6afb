"""Puts a recorder in front of a WSGI, ASGI or aiohttp application."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from telemetry_server.fuel.recorder.recorder import Recorder, RequestSeen

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
OUR_FAULT = 500


class RecordedWsgi:
    """A WSGI application whose operations are recorded."""

    def __init__(self, app: Callable[..., Iterable[bytes]], recorder: Recorder) -> None:
        self._app = app
        self._recorder = recorder

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        seen = self._recorder.begin_request(environ["REQUEST_METHOD"], path, headers)
        if seen is None:
            return self._app(environ, start_response)
        status = OUR_FAULT

        def start(line: str, *rest: Any, **options: Any) -> Any:
            nonlocal status
            status = int(line.split(" ", 1)[0])
            return start_response(line, *rest, **options)

        try:
            parts = self._app(environ, start)
        except BaseException:
            self._recorder.end_request(seen, OUR_FAULT)
            raise
        return _RecordedParts(parts, lambda: self._recorder.end_request(seen, status))


class _RecordedParts:
    """The parts of an answer; the operation ends when the server closes them."""

    def __init__(self, parts: Iterable[bytes], on_close: Callable[[], None]) -> None:
        self._parts = parts
        self._on_close = on_close

    def __iter__(self) -> Any:
        return iter(self._parts)

    def close(self) -> None:
        try:
            close = getattr(self._parts, "close", None)
            if close is not None:
                close()
        finally:
            self._on_close()


class RecordedAsgi:
    """An ASGI application whose operations are recorded."""

    def __init__(self, app: Callable[..., Awaitable[None]], recorder: Recorder) -> None:
        self._app = app
        self._recorder = recorder

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        seen: RequestSeen | None = None
        if scope["type"] == "http":
            headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
            }
            seen = self._recorder.begin_request(scope["method"], scope["path"], headers)
        if seen is None:
            await self._app(scope, receive, send)
            return
        status = OUR_FAULT

        async def observed(message: Mapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            await asyncio.shield(asyncio.to_thread(self._recorder.end_request, seen, status))


def aiohttp_middleware(recorder: Recorder) -> Any:
    """Return a middleware of aiohttp that records operations."""
    from aiohttp import web

    @web.middleware
    async def record(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Any:
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen = recorder.begin_request(request.method, request.path, headers)
        if seen is None:
            return await handler(request)
        status = OUR_FAULT
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as answer:
            status = answer.status
            raise
        finally:
            await asyncio.shield(asyncio.to_thread(recorder.end_request, seen, status))

    return record
