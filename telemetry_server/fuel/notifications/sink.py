"""What a sink is, and which sink a value of ``fuel_notify`` names."""

import re
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from telemetry_server.fuel.notifications.message import Message

SCHEMES = ("smtp", "smtps", "https", "http", "file")
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\\]+")


class BadSink(ValueError):
    """A value of ``fuel_notify`` that names no sink; the text holds no password."""


class NotDelivered(Exception):
    """A message was not delivered now; one line."""


class Sink(Protocol):
    """Where messages go."""

    @property
    def label(self) -> str:
        """Its name in the outbox: without passwords, the same whenever the server starts."""

    def send(self, message: Message, *, may_be_there: bool) -> None:
        """
        Deliver *message*.

        Args:
            may_be_there: Whether a process that was killed may have delivered it already.

        Raises:
            NotDelivered: As named.
        """


def sink_of(text: str) -> Sink:
    """
    Return the sink that *text* names: ``smtp://HOST:PORT/?to=ADDRESS``, ``https://…`` or ``file:PATH``.

    Raises:
        BadSink: As named.
    """
    from telemetry_server.fuel.notifications.file_sink import FileSink
    from telemetry_server.fuel.notifications.smtp_sink import SmtpSink
    from telemetry_server.fuel.notifications.webhook_sink import WebhookSink

    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadSink("it is not a URL like smtp://mail.example.org/?to=support@example.org") from None
    if parts.scheme == "file":
        path = unquote(parts.path)
        if parts.netloc not in ("", "localhost") or not path:
            raise BadSink("a file is file:PATH, with an absolute path or one from the working folder")
        return FileSink(Path(path).absolute())
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise BadSink("it must begin with smtp://HOST, smtps://HOST, https://HOST or file:")
    label = f"{parts.scheme}:{parts.hostname}#{sha256(text.encode()).hexdigest()[:8]}"
    if parts.scheme in ("https", "http"):
        if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
            raise BadSink("messages hold contacts, so a webhook is https:// (http:// only on this machine)")
        return WebhookSink(text, label)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    query = parse_qs(parts.query)
    default = f"support@{_mail_domain(parts.hostname)}"
    recipient = (
        _one(query, "to") or unquote(parts.path.strip("/")) or (user if "@" in user else "") or default
    )
    sender = _one(query, "from") or f"telemetry-server@{recipient.rpartition('@')[2]}"
    for address in (recipient, sender):
        if not ADDRESS.fullmatch(address):
            raise BadSink("write one address, like smtp://mail.example.org/?to=support@example.org")
    return SmtpSink(
        parts.hostname,
        port,
        label,
        recipient=recipient,
        sender=sender,
        user=user if password else "",
        password=password,
        is_tls=parts.scheme == "smtps",
    )


def _one(query: dict[str, list[str]], name: str) -> str:
    return query.get(name, [""])[0].strip()


def _mail_domain(host: str) -> str:
    is_address = re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:]+", host) is not None
    return "localhost" if is_address else host
