"""A request as the collector got it, and answers in its JSON envelope."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class IntakeRequest:
    """A request as it was received."""

    endpoint: str  # action_logs, …
    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    address: str = ""  # the network that it came from, to be counted; empty: not counted


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before it is sent."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> bytes:
        """Return the body as JSON."""
        return orjson.dumps(self.body)


def ok(seconds: float, status: int = 200, content: Mapping[str, Any] | None = None) -> Answer:
    """Return the answer to a request that took *seconds*."""
    return Answer(status, {"status": "ok", "exec_time": round(seconds, 6), **(content or {})})


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer to a refused request."""
    return Answer(status, {"status": "error", "message": message}, headers or {})
