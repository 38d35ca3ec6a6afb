"""
Builds the answers of the edge.  No answer contains text from a client.

Clients delete a ping after any 4xx and send it again after a 5xx, so a 4xx is
only for requests that would fail again.
"""

import random
from collections.abc import Mapping
from email.utils import formatdate

from aiohttp import hdrs, web

from storage.errors import StorageError, StorageFull, WriterBusy, WriterClosed, WriterDead
from telemetry_server.edge.client_memory import HeldBytes

SERVER = "telemetry-server"
TEXTS = {
    202: "",
    400: "bad request\n",
    404: "not found\n",
    405: "method not allowed\n",
    408: "request timeout\n",
    413: "payload too large\n",
    414: "request target too long\n",
    431: "header too large\n",
    500: "internal error\n",
    503: "try again later\n",
    507: "",
}
REASONS = {
    202: "Accepted",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
    507: "Insufficient Storage",
}
_NO_HEADERS: Mapping[str, str] = {}
# More than aiohttp writes before it waits for the client, so it waits after each piece.
PIECE_BYTES = 96 << 10
RETRY_SOON_SECONDS = (3, 7)  # random: clients that were refused together do not return together
RETRY_FULL_SECONDS = 60

# The first match decides.
STATUS_OF: tuple[tuple[type[StorageError], int], ...] = (
    (StorageFull, 507),
    (WriterBusy, 503),
    (WriterClosed, 503),
    (WriterDead, 500),
    (StorageError, 500),
)


def kept() -> web.Response:
    """Return the only 200 for a submission; call it once the submission is on disk."""
    return web.Response(headers={hdrs.SERVER: SERVER})


def found(body: bytes, content_type: str, status: int = 200) -> web.Response:
    """Return the answer to a GET with a short body; `StreamedResponse` is for long ones."""
    return web.Response(
        body=body,
        status=status,
        headers={hdrs.SERVER: SERVER, hdrs.CONTENT_TYPE: content_type, **_retry_after(status)},
    )


class StreamedResponse(web.StreamResponse):
    """
    The answer to a GET with a long body, sent in pieces as the client reads.

    Under TLS, a transport that gets the whole body at once holds a second copy.

    Args:
        holding: Counts the body as memory; released when it is sent or the client is gone.
    """

    def __init__(self, body: bytes, content_type: str, holding: HeldBytes) -> None:
        super().__init__(headers={hdrs.SERVER: SERVER, hdrs.CONTENT_TYPE: content_type})
        self.content_length = len(body)
        self._whole = body
        self._holding = holding

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the body, except for HEAD."""
        try:
            if self._req is not None and self._req.method != hdrs.METH_HEAD:
                whole = memoryview(self._whole)
                for start in range(0, len(whole), PIECE_BYTES):
                    await self.write(whole[start : start + PIECE_BYTES])
            await super().write_eof(data)
        finally:
            self._holding.release()
            self._whole = b""


def preflight(headers: Mapping[str, str]) -> web.Response:
    """Return the 204 that permits a web page to submit."""
    return web.Response(status=204, headers={hdrs.SERVER: SERVER, **headers})


def refused(status: int, *, allow: str | None = None) -> web.Response:
    """Return a refusal with its fixed text, and with Retry-After where a retry helps."""
    return web.Response(
        status=status, body=TEXTS[status].encode(), headers={hdrs.SERVER: SERVER, **_extras(status, allow)}
    )


def refused_and_closed(status: int, *, allow: str | None = None) -> web.Response:
    """Return a refusal that closes the connection: a part of the request is unread."""
    response = refused(status, allow=allow)
    response.force_close()
    return response


def raw_refusal(status: int, *, closes: bool = True, more_headers: Mapping[str, str] = _NO_HEADERS) -> bytes:
    """Return a refusal as bytes, with ``Connection: close`` if it *closes* the connection."""
    text = TEXTS[status].encode()
    headers = {**_extras(status, None), **more_headers}
    extras = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if closes:
        extras += "Connection: close\r\n"
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nServer: {SERVER}\r\n{extras}"
        f"Content-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


def raw_kept(*, closes: bool) -> bytes:
    """Return `kept` as bytes with the current date; the same conditions apply."""
    connection = "Connection: close\r\n" if closes else ""
    date = formatdate(usegmt=True)
    return (
        f"HTTP/1.1 200 OK\r\nServer: {SERVER}\r\nContent-Length: 0\r\nDate: {date}\r\n{connection}\r\n"
    ).encode()


def status_of(error: StorageError) -> int:
    """Return the status of the answer to a submission that failed with *error*."""
    return next(status for kind, status in STATUS_OF if isinstance(error, kind))


def _extras(status: int, allow: str | None) -> dict[str, str]:
    extras = {"Content-Type": "text/plain; charset=utf-8"} if TEXTS[status] else {}
    extras |= _retry_after(status)
    if allow is not None:
        extras["Allow"] = allow
    return extras


def _retry_after(status: int) -> dict[str, str]:
    if status == 503:
        return {"Retry-After": str(random.randint(*RETRY_SOON_SECONDS))}
    if status == 507:
        return {"Retry-After": str(RETRY_FULL_SECONDS)}
    return {}
