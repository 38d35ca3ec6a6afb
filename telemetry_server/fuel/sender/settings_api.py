"""
The settings of statistics over HTTP, to be mounted in a product's own pages.

GET returns them, PUT replaces them, PATCH changes what it names.  The product decides who may call it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson

from telemetry_server.fuel.sender_state.choices import BadChoices, Choices, changed_choices
from telemetry_server.fuel.sender_state.state_file import StateFile

METHODS = "GET, HEAD, PUT, PATCH"
MAX_BODY_BYTES = 64 << 10
JSON = ("Content-Type", "application/json")


class SettingsApi:
    """
    Answers requests for the settings of one installation; the path is the product's business.

    `wsgi` and `asgi` are applications; `aiohttp_handler` is for ``app.router.add_route("*", path, …)``.
    """

    def __init__(self, state: StateFile) -> None:
        self._state = state

    def answer(self, method: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return status and JSON for a request."""
        if method in ("GET", "HEAD"):
            return 200, self._shown()
        if method not in ("PUT", "PATCH"):
            return 405, {"message": f"only {METHODS}"}
        if len(body) > MAX_BODY_BYTES:
            return 413, {"message": f"larger than {MAX_BODY_BYTES} bytes"}
        try:
            values = orjson.loads(body)
            before = Choices() if method == "PUT" else self._state.choices()
            changed = changed_choices(before, values)
        except (orjson.JSONDecodeError, BadChoices) as error:
            return 400, {"message": f"not changed: {error}"}
        if changed != self._state.choices():
            self._state.save_choices(changed)
        return 200, self._shown()

    def wsgi(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a WSGI request."""
        length = environ.get("CONTENT_LENGTH") or "0"
        size = min(int(length), MAX_BODY_BYTES + 1) if str(length).isdecimal() else 0
        body = environ["wsgi.input"].read(size) if size else b""
        status, content = self.answer(environ["REQUEST_METHOD"], body)
        start_response(f"{status} {HTTPStatus(status).phrase}", [JSON, *_allow(status)])
        return [orjson.dumps(content)]

    async def asgi(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer an ASGI request."""
        body, is_more = b"", True
        while is_more and len(body) <= MAX_BODY_BYTES:
            message = await receive()
            body += message.get("body", b"")
            is_more = message.get("more_body", False)
        status, content = self.answer(scope["method"], body)
        headers = [(name.lower().encode(), value.encode()) for name, value in (JSON, *_allow(status))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(content)})

    async def aiohttp_handler(self, request: Any) -> Any:
        """Answer an aiohttp request."""
        from aiohttp import web

        status, content = self.answer(request.method, await request.content.read(MAX_BODY_BYTES + 1))
        headers = dict((JSON, *_allow(status)))
        return web.Response(body=orjson.dumps(content), status=status, headers=headers)

    def _shown(self) -> dict[str, Any]:
        return {"master_node_uid": self._state.uid, **self._state.choices().as_json()}


def _allow(status: int) -> list[tuple[str, str]]:
    return [("Allow", METHODS)] if status == 405 else []
