"""The end of a connection: how a last answer reaches its client, and for how long an unread one is held."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from telemetry_server.edge.client_memory import ClientMemory, SlowHolding
from telemetry_server.edge.limits import EdgeLimits

# One byte that the kernel does not take pauses the protocol: only then can its deadline run.
MAX_UNSENT_BYTES = 1


def close_after_last_answer(transport: asyncio.Transport, limits: EdgeLimits) -> asyncio.TimerHandle:
    """
    End the sending side, and the connection when its client has had time to read.

    The caller ignores whatever still comes.  Closing at once with bytes unread
    would reset the connection, and its client might lose the answer.

    Returns:
        The timer that closes the connection.  The caller cancels it when the connection
        is lost before: a timer that stays keeps the connection and its buffers in memory.
    """
    loop = asyncio.get_running_loop()
    if transport.can_write_eof():
        with suppress(OSError):  # a client that reset the connection
            transport.write_eof()
        return loop.call_later(limits.lingering_seconds, transport.abort)
    # TLS cannot half-close; its own shutdown has a deadline.
    return loop.call_later(limits.lingering_seconds, transport.close)


class UnreadAnswers:
    """
    Deadline and memory account of answers that a client does not read.

    It looks after one connection, also after the protocol closed it: a
    transport that waits to send its last bytes would otherwise wait for ever.

    Args:
        input_bytes: Returns how much of the client's further input is held.
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
        self._holding: SlowHolding | None = None
        self._timer: asyncio.TimerHandle | None = None
        transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES, low=0)

    def begin(self) -> None:
        """The client stopped reading: count what is held for it, and cut it off at the deadline."""
        self.end()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._limits.answer_timeout_seconds, self._transport.abort)
        self._holding = SlowHolding(self._memory, self._transport.abort)
        if not self._holding.hold(self._transport.get_write_buffer_size() + self._input_bytes()):
            # Not from within the transport's own write.
            loop.call_soon(self._transport.abort)

    def end(self) -> None:
        """The client read all, or is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._holding is not None:
            self._holding.release()
            self._holding = None
