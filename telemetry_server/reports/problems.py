"""
What a request is answered with instead of what it asked for: one table, one form (RFC 9457).

`Problem` is raised anywhere below a handler; the application makes JSON of it under ``/api/``, and a
page elsewhere.
"""

from collections.abc import Mapping
from typing import Any

TYPE_PREFIX = "urn:telemetry-server:problem:"

# Name to status and title; docs/reports.md lists them.
PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-parameter": (400, "A parameter is wrong"),
    "bad-request": (400, "The request is wrong"),
    "bad-statement": (400, "The statement is refused or wrong"),
    "sign-in": (401, "Sign in"),
    "wrong-password": (401, "Name or password is wrong"),
    "not-permitted": (403, "Your role does not permit this"),
    "foreign-request": (403, "The request comes from another site"),
    "not-found": (404, "There is nothing here"),
    "wrong-method": (405, "The method is not allowed"),
    "too-slow": (408, "The request took too long to arrive"),
    "too-large": (413, "The request is too large"),
    "target-too-long": (414, "The request target is too long"),
    "wrong-media-type": (415, "The content type is not supported"),
    "wrong-host": (421, "This host name is not served here"),
    "too-many-tries": (429, "Too many tries"),
    "header-too-large": (431, "A header is too large"),
    "failed": (500, "The answer could not be made"),
    "stopped": (503, "The query was stopped"),
    "busy": (503, "Too many queries"),
    "unavailable": (503, "The data cannot be read now"),
}


class Problem(Exception):
    """A request that is answered with a problem: its name in `PROBLEMS`, and one sentence."""

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.name = name
        self.status, self.title = PROBLEMS[name]
        self.detail = detail
        self.headers = dict(headers or {})
        if self.status in (429, 503):
            self.headers.setdefault("Retry-After", "5")
        self.members = dict(members or {})

    def as_json(self) -> dict[str, Any]:
        """Return the members of ``application/problem+json``."""
        return {
            "type": TYPE_PREFIX + self.name,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
