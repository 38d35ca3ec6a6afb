"""
CORS headers: which web pages of other origins may submit (Fetch standard, 3.2).

A page of another origin can still send requests that need no preflight: a beacon, or a ``fetch`` with
plain text.  Such a submission is kept like any other; only the script of the page cannot read the answer.
"""

import re
from collections.abc import Mapping

from aiohttp import hdrs

ANY_ORIGIN = "*"
METHODS = "POST, PUT"
# Glean.js sends the first seven if the browser permits them; other clients send the last one.
HEADERS = (
    "content-type",
    "content-encoding",
    "x-telemetry-agent",
    "x-debug-id",
    "x-source-tags",
    "x-client-type",
    "x-client-version",
    "x-pingsender-version",
)
# Chromium caches a preflight for at most two hours, Firefox for a day.
MAX_AGE_SECONDS = 7200
MAX_ASKED_CHARACTERS = 1024
_NAMES = re.compile(r"[a-z0-9-]+(?:, ?[a-z0-9-]+)*")


def cors_headers(origins: frozenset[str], headers: Mapping[str, str]) -> dict[str, str]:
    """
    Return the CORS headers of an answer under ``/submit/``; empty if it needs none.

    Args:
        origins: As browsers write them, such as ``https://app.example.org``; or `ANY_ORIGIN`.
        headers: Those of the request; names in any case.
    """
    origin = headers.get(hdrs.ORIGIN)
    if not origins or origin is None:
        return {}
    if ANY_ORIGIN in origins:
        return {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: ANY_ORIGIN}
    # A cache must not reuse the answer for another origin.
    answer: dict[str, str] = {hdrs.VARY: hdrs.ORIGIN}
    if origin in origins:
        answer[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        # Browsers always send credentials with beacons.  The server ignores them.
        answer[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
    return answer


def preflight_headers(origins: frozenset[str], headers: Mapping[str, str]) -> dict[str, str] | None:
    """
    Return the headers that answer a preflight request.

    Returns:
        None if *headers* are not those of a preflight, or the page may not submit.
    """
    answer = cors_headers(origins, headers)
    is_allowed = hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in answer
    if not is_allowed or headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD) not in METHODS.split(", "):
        return None
    if hdrs.VARY in answer:
        answer[hdrs.VARY] += f", {hdrs.ACCESS_CONTROL_REQUEST_HEADERS}"
    return answer | {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ", ".join((*HEADERS, *_asked_names(headers))),
        hdrs.ACCESS_CONTROL_MAX_AGE: str(MAX_AGE_SECONDS),
    }


def _asked_names(headers: Mapping[str, str]) -> list[str]:
    """
    Return the plain header names that a preflight asks for beyond `HEADERS`.

    Tracing libraries add headers of their own.  These are harmless, and are not kept.
    """
    asked = headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "").lower()
    if len(asked) > MAX_ASKED_CHARACTERS or not _NAMES.fullmatch(asked):
        return []
    return [name for name in re.split(", ?", asked) if name not in HEADERS]
