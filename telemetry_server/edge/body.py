"""A request's body, as it comes, within its limits of size and time."""

import asyncio
from collections.abc import Callable

from aiohttp import StreamReader
from aiohttp.web_protocol import PayloadAccessError, RequestPayloadError

from telemetry_server.edge.limits import EdgeLimits


class BodyTooLarge(Exception):
    """More bytes came than are taken."""


class BodyTooSlow(Exception):
    """It was not complete in time, or came too slowly."""


class BodyBroken(Exception):
    """It ended early, or its chunks make no sense."""


class NoRoomForBody(Exception):
    """Other bodies fill the memory that there is for them."""


async def read_slowly(
    content: StreamReader,
    limits: EdgeLimits,
    *,
    take: Callable[[int], bool],
) -> bytes:
    """
    The rest of a body that is not all here yet.

    Args:
        take: Called with the number of bytes that came; False when there is no room for them.

    Raises:
        BodyTooLarge, BodyTooSlow, BodyBroken, NoRoomForBody: As named.
        ConnectionError: The client is gone.
    """
    chunks: list[bytes] = []
    total = 0
    loop = asyncio.get_running_loop()
    started = loop.time()
    deadline = started + limits.body_timeout_seconds
    try:
        async with asyncio.timeout_at(None) as timer:
            while True:
                timer.reschedule(min(deadline, started + _time_for(total, limits)))
                chunk = await content.readany()
                if not chunk and content.at_eof():
                    return b"".join(chunks)
                total += len(chunk)
                if total > limits.max_body_bytes:
                    raise BodyTooLarge
                if not take(len(chunk)):
                    raise NoRoomForBody
                chunks.append(chunk)
    except TimeoutError:
        raise BodyTooSlow from None
    except (RequestPayloadError, PayloadAccessError):
        raise BodyBroken from None


def _time_for(total_bytes: int, limits: EdgeLimits) -> float:
    """When so many bytes are too few, in seconds from the first."""
    return max(limits.min_rate_after_seconds, total_bytes / limits.min_bytes_per_second)
