"""Closes connections: how the last answer reaches its client, and how long an unread answer is kept."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from telemetry_server.edge import responses
from telemetry_server.edge.client_memory import ClientMemory, HeldBytes
from telemetry_server.edge.limits import EdgeLimits

# One byte that the kernel does not take pauses the protocol: only then can its deadline run.
MAX_UNSENT_BYTES = 1


class ConnectionOwner(Protocol):
    """What the connections of a worker share: limits, memory for clients, counters."""

    limits: EdgeLimits
    memory: ClientMemory
    open_connections: int

    @property
    def headers_of_refusals(self) -> Mapping[str, str]:
        """Headers of refusals, beside the usual ones."""

    def count_answer(self, status: int) -> None:
        """Count an answer."""


def refuse_and_close(
    transport: asyncio.Transport, owner: ConnectionOwner, status: int
) -> asyncio.TimerHandle:
    """Count and send the refusal with *status*, and close as `close_after_last_answer` does."""
    owner.count_answer(status)
    transport.write(responses.raw_refusal(status, more_headers=owner.headers_of_refusals))
    return close_after_last_answer(transport, owner.limits)


def close_after_last_answer(transport: asyncio.Transport, limits: EdgeLimits) -> asyncio.TimerHandle:
    """
    Close the sending side now, and the whole connection when its client has had time to read.

    The caller ignores further input.  Closing at once, with input unread, would reset
    the connection, and the client might lose the answer.

    Returns:
        The timer that closes the connection.  The caller cancels it if the connection is
        lost earlier: until it fires, it keeps the connection and its buffers in memory.
    """
    loop = asyncio.get_running_loop()
    if transport.can_write_eof():
        with suppress(OSError):  # the client reset the connection
            transport.write_eof()
        return loop.call_later(limits.lingering_seconds, transport.abort)
    # TLS cannot half-close; its own shutdown has a deadline.
    return loop.call_later(limits.lingering_seconds, transport.close)


class UnreadAnswers:
    """
    The deadline and the memory of answers that one client does not read.

    It stays in force after the protocol has closed the connection: a transport
    with unsent bytes would otherwise wait for ever.

    Args:
        input_bytes: Returns how many bytes of the client's further input are held.
    """

    __slots__ = ("_holding", "_input_bytes", "_limits", "_memory", "_timer", "_transport")

    def __init__(
        self,
        transport: asyncio.Transport,
        memory: ClientMemory,
        limits: EdgeLimits,
        input_bytes: Callable[[], int],
    ) -> None:
        self._transport = transport
        self._memory = memory
        self._limits = limits
        self._input_bytes = input_bytes
        self._holding: HeldBytes | None = None
        self._timer: asyncio.TimerHandle | None = None
        transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES, low=0)

    def begin(self) -> None:
        """Count the bytes held for a client that stopped reading, and cut it off at the deadline."""
        self.end()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._limits.answer_timeout_seconds, self._transport.abort)
        self._holding = HeldBytes(self._memory, self._transport.abort)
        if not self._holding.hold(self._transport.get_write_buffer_size() + self._input_bytes()):
            # Not from within the transport's own write.
            loop.call_soon(self._transport.abort)

    def end(self) -> None:
        """Stop: the client has read everything, or is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._holding is not None:
            self._holding.release()
            self._holding = None
