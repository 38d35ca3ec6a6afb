"""Style and script of the pages; a file's name has a hash of its content, so browsers may keep it."""

import hashlib
from functools import cache
from importlib.resources import files

from telemetry_server.reports.answers import Answer
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.route import Ask

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
NAMES = ("reports.css", "reports.js", "live.js", "reports.svg")
STYLE = "reports.css"
ONE_YEAR = "public, max-age=31536000, immutable"


def _content(name: str) -> bytes:
    return files("telemetry_server.reports.web").joinpath("static", name).read_bytes()


def style() -> bytes:
    """Return the style sheet of the pages."""
    return _content(STYLE)


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Return content and type by the name that is served."""
    found = {}
    for name in NAMES:
        content = _content(name)
        stem, dot, end = name.rpartition(".")
        digest = hashlib.sha256(content).hexdigest()[:10]
        found[f"{stem}.{digest}{dot}{end}"] = content, TYPES[f".{end}"]
    return found


def address_of(name: str) -> str:
    """Return the address of a static file."""
    stem, _, end = name.rpartition(".")
    return next(
        f"/static/{served}" for served in _files() if served.startswith(f"{stem}.") and served.endswith(end)
    )


async def static_file(ask: Ask) -> Answer:
    """Answer ``/static/<name>``."""
    found = _files().get(ask.path["name"])
    if found is None:
        raise Problem("not-found", "No file has this name.")
    return Answer(*found, is_cacheable=True, cache_control=ONE_YEAR)
