"""Delivers messages to a webhook: one POST of JSON, answered with a 2xx."""

import http.client
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from telemetry_server.fuel.notifications.message import Message
from telemetry_server.fuel.notifications.sink import NotDelivered
from telemetry_server.fuel.notifications.time_limit import ALL_SECONDS, SOCKET_SECONDS, time_limit
from telemetry_server.pings.json_text import json_of

MAX_ANSWER_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class WebhookSink:
    """An address that takes messages.  A repeat has the same ``Idempotency-Key``."""

    url: str = field(repr=False)  # may hold a secret
    label: str
    seconds: float = ALL_SECONDS

    def send(self, message: Message, *, may_be_there: bool) -> None:
        """Deliver *message*; raises `NotDelivered`."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        connection = self._connection(parts.hostname, parts.port, is_tls=parts.scheme == "https")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "telemetry-server",
            "Idempotency-Key": message.message_id,
        }
        try:
            with time_limit(lambda: connection.sock, self.seconds):
                connection.request("POST", target, json_of(message.as_json()), headers)
                answer = connection.getresponse()
                answer.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotDelivered(f"{type(error).__name__}: {error}"[:300]) from None
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise NotDelivered(f"the webhook answered {answer.status}")

    @staticmethod
    def _connection(host: str, port: int | None, *, is_tls: bool) -> http.client.HTTPConnection:
        if is_tls:
            return http.client.HTTPSConnection(
                host, port, timeout=SOCKET_SECONDS, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(host, port, timeout=SOCKET_SECONDS)
