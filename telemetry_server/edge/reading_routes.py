"""The routes that read: health, version, metrics, the partition schema, cached definitions."""

import asyncio
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import aiofiles
import orjson
from aiohttp import web

from storage.errors import StorageFull, WriterDead
from storage.raw.layout import raw_bytes
from storage.raw.writer import RawWriter
from telemetry_server.edge import answers
from telemetry_server.observability import metrics

if TYPE_CHECKING:
    from telemetry_server.edge.edge import Edge

READ_METHODS = frozenset({"GET", "HEAD"})
ALLOW = "GET, HEAD"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
HISTOGRAMS = "/histograms/"
OTHERS_COUNT_WITHIN_SECONDS = 0.05
MOST_SPEC_BYTES = 32 << 20

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_CHANGESET = re.compile(r"[0-9a-f]{1,40}\Z")
MOST_REPOSITORY_PARTS = 4


class ReadingRoutes:
    """Answers GET and HEAD."""

    def __init__(self, edge: "Edge", writer: RawWriter) -> None:
        self._edge = edge
        self._writer = writer
        self._routes = {
            "/": self._about,
            "/status": self._alive,
            "/__lbheartbeat__": self._alive,
            "/__heartbeat__": self._heartbeat,
            "/__version__": self._version,
            "/metrics": self._metrics,
            "/telemetry_schema": self._schema,
        }

    async def answer(self, method: str, path: str, *, shows_metrics: bool) -> web.Response:
        """Answer for *path*, which is no submission."""
        route = self._routes.get(path)
        if route == self._metrics and not shows_metrics:
            route = None
        if route is None and not path.startswith(HISTOGRAMS):
            return answers.refused(404)
        if method not in READ_METHODS:
            return answers.refused(405, allow=ALLOW)
        if route is not None:
            return await route()
        return await self._histograms(path[len(HISTOGRAMS) :])

    async def _alive(self) -> web.Response:
        return answers.found(b"OK\n", TEXT)

    async def _about(self) -> web.Response:
        """One line for a person who opens the server's address."""
        shown = [path for path in self._routes if path not in ("/", "/metrics")]
        if not self._edge.options.has_admin_port:
            shown.append("/metrics")
        text = f"telemetry-server takes pings at /submit/; its pages are {', '.join(shown)}\n"
        return answers.found(text.encode(), TEXT)

    async def _heartbeat(self) -> web.Response:
        await self._writer.look()
        refusal = self._writer.refusal
        checks = {
            "writer": "dead" if isinstance(refusal, WriterDead) else "ok",
            "disk": "full" if isinstance(refusal, StorageFull) else "ok",
            "commits": "ok" if refusal is None or isinstance(refusal, WriterDead | StorageFull) else "late",
            "draining": self._edge.is_draining,
        }
        status = 200
        if refusal is not None:
            status = answers.status_of(refusal)
        elif self._edge.is_draining:
            status = 503
        body = {"status": "ok" if status == 200 else "error", "checks": checks}
        return answers.found(orjson.dumps(body), JSON, status)

    async def _version(self) -> web.Response:
        return answers.found(self._edge.options.version, JSON)

    async def _metrics(self) -> web.Response:
        self._edge.tally.flush()
        # What another worker has answered, it counts at the end of that turn of its loop.
        await asyncio.sleep(OTHERS_COUNT_WITHIN_SECONDS)
        body = await asyncio.get_running_loop().run_in_executor(None, self._scrape)
        return answers.found(body, METRICS_TYPE)

    def _scrape(self) -> bytes:
        """All metrics, with the size of raw/ as it is now, whoever converts or not."""
        metrics.raw_bytes.report(raw_bytes(self._writer.directory))
        return metrics.exposition()

    async def _schema(self) -> web.Response:
        return answers.found(self._edge.options.partition_schema(), JSON)

    async def _histograms(self, rest: str) -> web.Response:
        path = cached_spec_path(self._edge.options.revision_cache_dir, rest)
        body = None if path is None else await _read_plain_file(path)
        other = self._edge.options.other_definitions
        if path is not None and body is None and other is not None:
            body = await asyncio.get_running_loop().run_in_executor(None, other, rest)
        return answers.refused(404) if body is None else answers.found(body, JSON)


def cached_spec_path(directory: Path | None, rest: str) -> Path | None:
    """Where the definitions of ``<repo…>/<revision>`` lie; None for anything but plain names."""
    *repository, changeset = rest.split("/")
    if directory is None or not 1 <= len(repository) <= MOST_REPOSITORY_PARTS:
        return None
    if not all(_PART.match(part) for part in repository) or not _CHANGESET.match(changeset):
        return None
    return directory.joinpath(*repository, changeset, "Histograms.json")


async def _read_plain_file(path: Path) -> bytes | None:
    """The file at *path*; None if it is not there, is a link, or is too large."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)

    try:
        async with aiofiles.open(path, "rb", opener=opener) as file:
            body = await file.read(MOST_SPEC_BYTES + 1)
    except OSError:
        return None
    return body if len(body) <= MOST_SPEC_BYTES else None
