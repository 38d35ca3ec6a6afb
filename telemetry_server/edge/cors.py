"""
CORS: which web pages of other origins may submit, and what browsers ask first (Fetch standard, 3.2).

A page of an origin that is not allowed can still send what needs no question first: a beacon or a
``fetch`` with plain text.  Its submission is kept like any other; only its script cannot read the answer.
"""

import re
from collections.abc import Mapping

from aiohttp import hdrs

ANY_ORIGIN = "*"
METHODS = "POST, PUT"
# Glean.js sends the first seven where a browser lets it; the others are kept headers of other clients.
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
# Chromium remembers an answer for two hours at most, Firefox for a day.
MAX_AGE_SECONDS = 7200
MAX_ASKED_CHARACTERS = 1024
_NAMES = re.compile(r"[a-z0-9-]+(?:, ?[a-z0-9-]+)*")


def cors_headers(origins: frozenset[str], headers: Mapping[str, str]) -> dict[str, str]:
    """
    What an answer under ``/submit/`` has to say to a browser; empty where none is due.

    Args:
        origins: As browsers write them, such as ``https://app.example.org``; or `ANY_ORIGIN`.
        headers: Of the request, by names of any case.
    """
    origin = headers.get(hdrs.ORIGIN)
    if not origins or origin is None:
        return {}
    if ANY_ORIGIN in origins:
        return {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: ANY_ORIGIN}
    # A cache must not give the answer for one origin to another.
    said: dict[str, str] = {hdrs.VARY: hdrs.ORIGIN}
    if origin in origins:
        said[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        # Beacons always come with credentials.  Nothing here looks at them.
        said[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
    return said


def preflight_headers(origins: frozenset[str], headers: Mapping[str, str]) -> dict[str, str] | None:
    """
    The answer to a browser's question whether a page may submit.

    Returns:
        None where *headers* ask no such question, or the page may not.
    """
    said = cors_headers(origins, headers)
    is_allowed = hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in said
    if not is_allowed or headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD) not in METHODS.split(", "):
        return None
    if hdrs.VARY in said:
        said[hdrs.VARY] += f", {hdrs.ACCESS_CONTROL_REQUEST_HEADERS}"
    return said | {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ", ".join((*HEADERS, *_asked_names(headers))),
        hdrs.ACCESS_CONTROL_MAX_AGE: str(MAX_AGE_SECONDS),
    }


def _asked_names(headers: Mapping[str, str]) -> list[str]:
    """
    The names that a browser asks for beside `HEADERS`, where they are plain.

    Libraries that trace requests add headers of their own.  They are not kept, and do no harm.
    """
    asked = headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "").lower()
    if len(asked) > MAX_ASKED_CHARACTERS or not _NAMES.fullmatch(asked):
        return []
    return [name for name in re.split(", ?", asked) if name not in HEADERS]
