"""A mail server that takes messages, refuses them, stalls, or is away, as a test wants."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from telemetry_server.demo.temporary_server import free_port


@dataclass
class Handler:
    """What the server does with a message."""

    got: list[EmailMessage] = field(default_factory=list)
    answer: str = "250 taken"
    stall_seconds: float = 0.0

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take every recipient but one."""
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take the message, unless the answer is another."""
        if self.stall_seconds:
            await asyncio.sleep(self.stall_seconds)
        if self.answer.startswith("250"):
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.got.append(message)
        return self.answer


@dataclass
class MailServer:
    """A mail server that can be started again on its port."""

    port: int = field(default_factory=free_port)
    handler: Handler = field(default_factory=Handler)
    controller: Any = None

    @property
    def url(self) -> str:
        """The value of fuel_notify."""
        return f"smtp://127.0.0.1:{self.port}/?to=support@example.org"

    def start(self) -> None:
        """Listen."""
        self.controller = Controller(self.handler, hostname="127.0.0.1", port=self.port, ready_timeout=60)
        self.controller.start()

    def stop(self) -> None:
        """Die: nothing listens."""
        if self.controller is not None:
            self.controller.stop()
            self.controller = None


@contextmanager
def running_mail_server() -> Iterator[MailServer]:
    """Yield a mail server."""
    server = MailServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
