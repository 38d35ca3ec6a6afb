"""Delivers messages to a mail server."""

import smtplib
import ssl
from dataclasses import dataclass, field
from typing import Any

from telemetry_server.fuel.notifications.message import Message
from telemetry_server.fuel.notifications.sink import LOCAL_HOSTS, NotDelivered
from telemetry_server.fuel.notifications.time_limit import ALL_SECONDS, SOCKET_SECONDS, time_limit


@dataclass(frozen=True, slots=True)
class SmtpSink:
    """
    A mail server.

    A message counts as delivered once the server has accepted it.  Where the connection or this process ends
    between that and the note of it, the message is sent again, with the same Message-ID.
    """

    host: str
    port: int | None
    label: str
    recipient: str
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    is_tls: bool = False
    seconds: float = ALL_SECONDS

    def send(self, message: Message, *, may_be_there: bool) -> None:
        """Deliver *message*; raises `NotDelivered`."""
        client: smtplib.SMTP | None = None
        try:
            client = self._client()
            with time_limit(lambda: client.sock if client is not None else None, self.seconds):
                self._connect(client)
                client.send_message(
                    message.as_email(self.sender, self.recipient), self.sender, [self.recipient]
                )
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise NotDelivered(_reason(error)) from None
        finally:
            if client is not None:
                # The server has the message, or it has not: how the connection ends changes nothing.
                client.close()

    def _client(self) -> smtplib.SMTP:
        if self.is_tls:
            return smtplib.SMTP_SSL(timeout=SOCKET_SECONDS, context=ssl.create_default_context())
        return smtplib.SMTP(timeout=SOCKET_SECONDS)

    def _connect(self, client: smtplib.SMTP) -> None:
        # The name that certificates are checked for.
        client._host = self.host  # type: ignore[attr-defined]
        client.connect(self.host, self.port or (smtplib.SMTP_SSL_PORT if self.is_tls else smtplib.SMTP_PORT))
        client.ehlo_or_helo_if_needed()
        if not self.is_tls and client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
            client.ehlo_or_helo_if_needed()
        elif self.password and not self.is_tls and self.host not in LOCAL_HOSTS:
            raise OSError("the server offers no STARTTLS, and a password is not sent without it")
        if self.password:
            client.login(self.user, self.password)


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return _line(f"the recipient was refused: {code} {_text(text)}")
    if isinstance(error, smtplib.SMTPResponseException):
        return _line(f"the server answered {error.smtp_code} {_text(error.smtp_error)}")
    return _line(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _text(text: Any) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))[:300]
