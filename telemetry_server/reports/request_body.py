"""Reads the body of a request, within limits of size, time and memory."""

import asyncio
from typing import cast

from aiohttp import web

from telemetry_server.edge.client_memory import ClientMemory, HeldBytes
from telemetry_server.edge.connection_limits import LimitedHandler
from telemetry_server.reports.problems import Problem

MAX_BODY_BYTES = 1 << 20
MAX_OPEN_BODY_BYTES = 16 << 10  # of who has not signed in


async def read_body(
    request: web.BaseRequest, memory: ClientMemory, *, max_bytes: int, timeout_seconds: float
) -> bytes:
    """
    Return the body of *request*.

    Raises:
        Problem: It is too large, too slow or incomplete, or memory is short.
    """
    too_large = Problem("too-large", f"The body is larger than {max_bytes >> 10} KiB.")
    if (request.content_length or 0) > max_bytes:
        raise too_large
    holding = HeldBytes(memory, cast(LimitedHandler, request.protocol).cut_off)
    parts, size = [], 0
    try:
        async with asyncio.timeout(timeout_seconds):
            async for part in request.content.iter_any():
                size += len(part)
                if size > max_bytes:
                    raise too_large
                if not holding.grow(len(part)):
                    raise Problem("busy", "Too many clients send at once. Try again.")
                parts.append(part)
    except TimeoutError:
        raise Problem("too-slow", "The body took too long to arrive.") from None
    except web.RequestPayloadError:
        raise Problem("bad-request", "The body ended early.") from None
    finally:
        holding.release()
    return b"".join(parts)
