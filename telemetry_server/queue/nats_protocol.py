"""
Sends and receives the messages of a NATS connection; nats-py does everything else on it.

nats-py connects, authenticates, answers pings and asks the JetStream API.  It handles each message with
several objects and a task, which takes several times the CPU time of `NatsProtocol`.  `NatsProtocol` uses two
private attributes of the client: the parser, which the read loop calls, and the transport.  It checks first
that both exist.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from telemetry_server.queue.errors import BrokerAway, QueueRefused

SUBSCRIPTION_ID = 1 << 30
"""The number of our subscription; nats-py counts its own from 1."""

OnMessage = Callable[[bytes, bytes, bytes, bytes], None]
"""Called with subject, reply, header block and body of a message; must not raise."""

MAX_JOINED_BYTES = 1 << 20
_SUBSCRIPTION_ID = b"%d" % SUBSCRIPTION_ID
_MESSAGES = (b"MSG", b"HMSG")


class NatsProtocol:
    """
    Sends and receives messages on *client*, which has just been connected and does not connect again.

    Raises:
        BrokerAway: A part of a command has already arrived.
        QueueRefused: This version of nats-py lacks the private attributes.
    """

    def __init__(self, client: Any, on_message: OnMessage) -> None:
        parser, transport = getattr(client, "_ps", None), getattr(client, "_transport", None)
        if not hasattr(parser, "parse") or not hasattr(transport, "write"):
            raise QueueRefused("this version of nats-py is not supported: install nats-py 2.16")
        if getattr(parser, "buf", b""):
            raise BrokerAway("the broker sent more than expected at the beginning")
        self._parser: Any = parser
        self._transport: Any = transport
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._outgoing: list[bytes] = []
        self._outgoing_bytes = 0
        self._parts: list[bytes] = []  # the beginning of a command that is not whole
        self._missing_bytes = 0  # of that command, as far as its length is known
        client._ps = self

    def subscribe(self, subject: str) -> None:
        """Receive the messages of *subject*; call it once."""
        self.send(f"SUB {subject} {SUBSCRIPTION_ID}\r\n".encode())

    def publish(self, subject: str, body: bytes, reply: str = "") -> None:
        """Send a message without headers."""
        self.send(b"%b %d\r\n%b\r\n" % (f"PUB {subject} {reply}".rstrip().encode(), len(body), body))

    def send(self, command: bytes) -> None:
        """Send *command* together with others of this turn of the loop."""
        if not self._outgoing:
            self._loop.call_soon(self.flush)
        self._outgoing.append(command)
        self._outgoing_bytes += len(command)
        if self._outgoing_bytes >= MAX_JOINED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what waits for the end of this turn."""
        if self._outgoing:
            commands, self._outgoing, self._outgoing_bytes = self._outgoing, [], 0
            self._transport.write(b"".join(commands))

    async def parse(self, data: bytes = b"") -> None:
        """Handle *data*, the next bytes from the server; nats-py's read loop calls it."""
        for command in self._others(data):
            await self._parser.parse(command)

    def reset(self) -> None:
        """Reset the parser; nats-py calls it."""
        self._parser.reset()

    def _others(self, data: bytes) -> list[bytes]:
        """Handle the messages of our subscription in *data*; return the other commands, whole."""
        if len(data) < self._missing_bytes:
            # A long message is joined once, when it is whole.
            self._parts.append(data)
            self._missing_bytes -= len(data)
            return []
        if self._parts:
            data = b"".join([*self._parts, data])
        self._parts, self._missing_bytes = [], 0
        others: list[bytes] = []
        on_message, position, end = self._on_message, 0, len(data)
        while (line_end := data.find(b"\r\n", position)) >= 0:
            words = data[position:line_end].split()
            start = after = line_end + 2
            if words and words[0] in _MESSAGES:
                body_end = start + int(words[-1])
                after = body_end + 2
                if after > end:
                    self._missing_bytes = after - end
                    break
                if words[2] == _SUBSCRIPTION_ID:
                    has_headers = words[0] == b"HMSG"
                    reply = words[3] if len(words) > 4 + has_headers else b""
                    body_start = start + int(words[-2]) if has_headers else start
                    on_message(words[1], reply, data[start:body_start], data[body_start:body_end])
                    position = after
                    continue
            others.append(data[position:after])
            position = after
        if position < end:
            self._parts = [data[position:]]
        return others


def status_of(block: bytes) -> tuple[str, str]:
    """Return the status and its description in the first line of a header block; empty without one."""
    words = block.split(b"\r\n", 1)[0].decode("utf-8", "replace").split(" ", 2)
    return "".join(words[1:2]), "".join(words[2:])
