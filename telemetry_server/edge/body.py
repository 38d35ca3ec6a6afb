"""Reads the body of a request within the limits of size, time and memory."""

import asyncio

from aiohttp import HttpVersion11, StreamReader, hdrs, web
from aiohttp.web_protocol import PayloadAccessError, RequestPayloadError

from telemetry_server.edge.admission import body_seconds
from telemetry_server.edge.client_memory import ClientMemory, HeldBytes
from telemetry_server.edge.limits import EdgeLimits


class BodyTooLarge(Exception):
    """The body is larger than the limit."""


class BodyTooSlow(Exception):
    """The body was not complete in time, or arrived too slowly."""


class BodyBroken(Exception):
    """The body ended early, or its chunks are malformed."""


class NoRoomForBody(Exception):
    """The memory for bodies is full."""


MAX_PARTS = 32


class BodyParts:
    """
    The parts of a body that is still arriving.

    A few parts are joined once, at the end.  More than `MAX_PARTS` are usually small, and each
    object costs fifty bytes beside its content: these become one growing buffer.
    """

    __slots__ = ("_grown", "_parts", "size")

    def __init__(self) -> None:
        self.size = 0  # in bytes
        self._parts: list[bytes] = []
        self._grown: bytearray | None = None

    def add(self, part: bytes) -> None:
        """Append *part*."""
        self.size += len(part)
        if self._grown is not None:
            self._grown += part
            return
        self._parts.append(part)
        if len(self._parts) > MAX_PARTS:
            self._grown = bytearray().join(self._parts)
            self._parts = []

    def joined(self) -> bytes:
        """Return the whole body."""
        return b"".join(self._parts) if self._grown is None else bytes(self._grown)


class BodyReader:
    """
    Reads one body from *content*.  Use it with ``with``: leaving releases its memory.

    Bytes count as memory when they arrive, never when they are announced.
    """

    def __init__(self, content: StreamReader, limits: EdgeLimits, memory: ClientMemory) -> None:
        self._content = content
        self._limits = limits
        self._memory = memory
        self._settled_bytes = 0
        self._holding: HeldBytes | None = None

    def __enter__(self) -> "BodyReader":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._holding is not None:
            self._holding.release()
        self._memory.give_back(self._settled_bytes)
        self._settled_bytes = 0

    def read_at_once(self) -> bytes:
        """
        Return the body, all of which has arrived; small bodies need no timers.

        Raises:
            BodyTooLarge, NoRoomForBody: As named.
        """
        content = self._content
        # An empty body has a content of another type.
        body = content.read_nowait(-1) if isinstance(content, StreamReader) else b""
        if len(body) > self._limits.max_body_bytes:
            raise BodyTooLarge
        if not self._memory.take(len(body)):
            raise NoRoomForBody
        self._settled_bytes = len(body)
        return body

    async def read_slowly(self) -> bytes:
        """
        Return the body after waiting for the rest of it.

        Raises:
            BodyTooLarge, BodyTooSlow, BodyBroken, NoRoomForBody: As named.
            ConnectionError: The client is gone.
        """
        holding = self._holding = HeldBytes(self._memory, self._give_way)
        limits, content = self._limits, self._content
        body = BodyParts()
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout_at(None) as timer:
                while True:
                    timer.reschedule(started + body_seconds(body.size, limits))
                    part = await content.readany()
                    if not part and content.at_eof():
                        self._settled_bytes = holding.settle()
                        return body.joined()
                    if body.size + len(part) > limits.max_body_bytes:
                        raise BodyTooLarge
                    if not holding.grow(len(part)):
                        raise NoRoomForBody
                    body.add(part)
        except TimeoutError:
            raise BodyTooSlow from None
        except (RequestPayloadError, PayloadAccessError):
            raise BodyBroken from None

    def _give_way(self) -> None:
        self._content.set_exception(NoRoomForBody())


async def read_body(request: web.BaseRequest, reader: BodyReader) -> bytes:
    """Return the body of *request*; a client that awaits 100 Continue gets it.  Raises as *reader*."""
    content = request.content
    if content.is_eof() and content.exception() is None:
        return reader.read_at_once()
    if (
        request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
        and request._message.version == HttpVersion11
    ):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # aiohttp answers an error only if nothing was written.
        request.writer.output_size = 0
    return await reader.read_slowly()
