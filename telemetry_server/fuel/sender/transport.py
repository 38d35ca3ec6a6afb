"""Sends one request to the collector, within a time limit; never follows a redirect."""

import gzip
import http.client
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import orjson

from telemetry_server.fuel.signatures.signing import UID_HEADER, Signer

GZIP_FROM_BYTES = 256 << 10
MAX_ANSWER_BYTES = 16 << 20
MAX_RETRY_AFTER_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a collector."""

    status: int
    content: Any  # the JSON; None if it is not JSON
    retry_after_seconds: float | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the collector took the request."""
        return (
            self.status in (200, 201, 202)
            and isinstance(self.content, dict)
            and self.content.get("status") == "ok"
        )


class NoAnswer(Exception):
    """The collector cannot be reached, or did not answer in time; the text says why."""


class Transport:
    """
    Sends requests for one installation.

    Args:
        collector: The URL of the collector.
        signer: Signs every request; None: requests are not signed.
    """

    def __init__(
        self,
        collector: str,
        uid: str,
        signer: Signer | None,
        timeout_seconds: float,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._url = urlsplit(collector)
        self._uid = uid
        self._signer = signer
        self._timeout_seconds = timeout_seconds
        self._clock = clock

    def send(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """
        Send a request, and return the answer.

        Raises:
            NoAnswer: As named.
        """
        target = self._url.path.rstrip("/") + path
        headers = {
            UID_HEADER: self._uid,
            "Accept": "application/json",
            "User-Agent": "telemetry-server-fuel-sender",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
            if len(body) >= GZIP_FROM_BYTES:
                body = gzip.compress(body, 6)
                headers["Content-Encoding"] = "gzip"
        if self._signer is not None:
            headers |= self._signer.headers(method, target, body or b"", self._uid, self._clock())
        try:
            return self._exchange(method, target, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(
                f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            ) from None

    def _exchange(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        deadline = monotonic() + self._timeout_seconds
        connection = self._connection()
        try:
            connection.request(method, target, body, headers)
            assert connection.sock is not None
            answer = connection.getresponse()
            parts, size = [], 0
            while True:
                left = deadline - monotonic()
                if left <= 0:
                    raise TimeoutError("no whole answer in time")
                if connection.sock is not None:
                    connection.sock.settimeout(left)
                part = answer.read1(1 << 16)
                if not part:
                    break
                size += len(part)
                if size > MAX_ANSWER_BYTES:
                    raise OSError("the answer is too long")
                parts.append(part)
            return Reply(
                answer.status,
                _json(b"".join(parts)),
                retry_after(answer.getheader("Retry-After"), self._clock()),
            )
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        assert self._url.hostname is not None
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(
                self._url.hostname,
                self._url.port,
                timeout=self._timeout_seconds,
                context=ssl.create_default_context(),
            )
        return http.client.HTTPConnection(self._url.hostname, self._url.port, timeout=self._timeout_seconds)


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header: a number, or a date; None if it is neither."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - now).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(0.0, seconds), MAX_RETRY_AFTER_SECONDS)


def dithered(seconds: float) -> float:
    """Return *seconds* plus or minus up to a tenth, so that installations do not return together."""
    return seconds * random.uniform(0.9, 1.1)
