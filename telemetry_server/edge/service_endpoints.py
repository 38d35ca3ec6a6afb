"""Answers the routes for GET: health, version, metrics, partition schema, cached definitions."""

import asyncio
import os
import re
import stat
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from storage.errors import StorageFull, WriterDead
from storage.raw.listing import RawSize, SegmentListing
from storage.raw.submission_writer import SubmissionWriter
from telemetry_server.edge import responses
from telemetry_server.edge.client_memory import HeldBytes
from telemetry_server.edge.shared_result import SharedWork
from telemetry_server.observability import metrics

if TYPE_CHECKING:
    from telemetry_server.edge.edge import Edge

READ_METHODS = frozenset({"GET", "HEAD"})
ALLOW = "GET, HEAD"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METRICS = "/metrics"
HISTOGRAMS = "/histograms/"
# The other definition files of a revision, for servers that have this one as their revision_server.
DEFINITION_FILES = frozenset(
    {
        "Scalars.yaml",
        "Events.yaml",
        "Processes.yaml",
        "UseCounters.conf",
        "nsDeprecatedOperationList.h",
    }
)
OTHERS_COUNT_WITHIN_SECONDS = 0.05
MAX_SPEC_BYTES = 32 << 20

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_CHANGESET = re.compile(r"[0-9a-f]{1,40}\Z")
MAX_REPOSITORY_PARTS = 4


class ServiceEndpoints:
    """Answers GET and HEAD."""

    def __init__(self, edge: "Edge", writer: SubmissionWriter) -> None:
        self._edge = edge
        self._writer = writer
        self._raw_size = RawSize(SegmentListing(writer.directory))
        self._scrapes = SharedWork(self._scrape)
        self._routes: dict[str, Callable[[], Awaitable[web.Response]]] = {
            "/": self._about,
            "/status": self._alive,
            "/__lbheartbeat__": self._alive,
            "/__heartbeat__": self._heartbeat,
            "/__version__": self._version,
        }
        # These bodies may be long.
        self._bodies: dict[str, tuple[str, Callable[[HeldBytes], Awaitable[bytes | None]]]] = {
            METRICS: (METRICS_TYPE, self._metrics),
            "/telemetry_schema": (JSON, self._schema),
        }

    async def answer(
        self, method: str, path: str, *, shows_metrics: bool, cut_off: Callable[[], None]
    ) -> web.StreamResponse:
        """
        Answer for *path*, which is not a submission.

        Args:
            cut_off: Ends the connection at once.
        """
        route = self._routes.get(path)
        content_type, body_of = self._bodies.get(path, (JSON, None))
        if path.startswith(HISTOGRAMS):
            body_of = partial(self._histograms, path[len(HISTOGRAMS) :])
        if (route is None and body_of is None) or (path == METRICS and not shows_metrics):
            return responses.refused(404)
        if method not in READ_METHODS:
            return responses.refused(405, allow=ALLOW)
        if body_of is None:
            assert route is not None  # one of the two is set
            return await route()
        holding = HeldBytes(self._edge.memory, cut_off)
        try:
            body = await body_of(holding)
        except NoRoom:
            holding.release()
            return responses.refused(503)
        except BaseException:
            holding.release()
            raise
        if body is None:
            holding.release()
            return responses.refused(404)
        return responses.StreamedResponse(body, content_type, holding)

    async def _alive(self) -> web.Response:
        return responses.found(b"OK\n", TEXT)

    async def _about(self) -> web.Response:
        """Return one line for a person who opens the address of the server."""
        shown = [path for path in (*self._routes, *self._bodies) if path not in ("/", METRICS)]
        if not self._edge.options.has_admin_port:
            shown.append(METRICS)
        text = f"telemetry-server takes pings at /submit/; its pages are {', '.join(shown)}"
        if self._edge.options.reports_url:
            text += f"; reports are at {self._edge.options.reports_url}/"
        text += "\n"
        return responses.found(text.encode(), TEXT)

    async def _heartbeat(self) -> web.Response:
        await self._writer.check_disk()
        refusal = self._writer.refusal
        checks: dict[str, object] = {
            "writer": "dead" if isinstance(refusal, WriterDead) else "ok",
            "disk": "full" if isinstance(refusal, StorageFull) else "ok",
            "commits": "ok" if refusal is None or isinstance(refusal, WriterDead | StorageFull) else "late",
            "draining": self._edge.is_draining,
        }
        if self._writer.broker is not None:
            checks["broker"] = self._writer.broker
        watch = self._edge.options.conversion
        halt = None
        if watch is not None:
            halt = await asyncio.get_running_loop().run_in_executor(None, watch.halt)
            checks["conversion"] = "halted" if halt else "ok" if watch.converts else "off"
        status = 200
        if refusal is not None:
            status = responses.status_of(refusal)
        elif self._edge.is_draining:
            status = 503
        # During a halt the server still accepts submissions, so a balancer must keep it.
        word = "error" if status != 200 else "ok" if halt is None else "warning"
        body: dict[str, object] = {"status": word, "checks": checks}
        if watch is not None and halt is not None:
            # Not every client may know the path of the data root.
            reason = halt.reason.replace(f"{watch.root.path}{os.sep}", "")
            body["conversion"] = {"halted_since": halt.since.isoformat(), "reason": reason}
        return responses.found(orjson.dumps(body), JSON, status)

    async def _version(self) -> web.Response:
        return responses.found(self._edge.options.version, JSON)

    async def _metrics(self, holding: HeldBytes) -> bytes:
        self._edge.tally.flush()
        # Other workers count their answers at the end of a turn of their loops.
        await asyncio.sleep(OTHERS_COUNT_WITHIN_SECONDS)
        body = await self._scrapes.result()
        _hold(holding, len(body))
        return body

    def _scrape(self) -> bytes:
        """Return all metrics; the size of raw/ and the state of conversion are measured now."""
        metrics.raw_bytes.report(self._raw_size.total_bytes())
        watch = self._edge.options.conversion
        if watch is not None:
            metrics.convert_lag_seconds.report(watch.lag_seconds())
            metrics.convert_halted.report(watch.halt() is not None)
        return metrics.exposition()

    async def _schema(self, holding: HeldBytes) -> bytes:
        body = self._edge.options.partition_schema()
        _hold(holding, len(body))
        return body

    async def _histograms(self, rest: str, holding: HeldBytes) -> bytes | None:
        path = cached_spec_path(self._edge.options.revision_cache_dir, rest)
        if path is None:
            return None
        loop = asyncio.get_running_loop()
        size = await loop.run_in_executor(None, _plain_file_bytes, path)
        if size is not None:
            # Counted before it is read, so that a thousand requests at once stay within the bound.
            _hold(holding, size)
            return await loop.run_in_executor(None, _read_plain_file, path, size)
        other = self._edge.options.other_definitions
        body = None if other is None else await loop.run_in_executor(None, other, rest)
        if body is not None:
            _hold(holding, len(body))
        return body


class NoRoom(Exception):
    """The memory for clients is full."""


def _hold(holding: HeldBytes, size: int) -> None:
    if not holding.hold(size):
        raise NoRoom


def cached_spec_path(directory: Path | None, rest: str) -> Path | None:
    """Return the path of a file of ``<repo…>/<revision>[/<name>]``; None if a name is not plain."""
    *repository, changeset = rest.split("/")
    name = "Histograms.json"
    if changeset in DEFINITION_FILES and repository:
        *repository, changeset, name = *repository, changeset
    if directory is None or not 1 <= len(repository) <= MAX_REPOSITORY_PARTS:
        return None
    if not all(_PART.match(part) for part in repository) or not _CHANGESET.match(changeset):
        return None
    return directory.joinpath(*repository, changeset, name)


def _plain_file_bytes(path: Path) -> int | None:
    """Return the size of the file at *path*; None if it is missing, not a plain file, or too large."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) and found.st_size <= MAX_SPEC_BYTES else None


def _read_plain_file(path: Path, max_bytes: int) -> bytes | None:
    """Return the content of *path*; None if it is gone, became a link, or exceeds *max_bytes*."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)

    try:
        with open(path, "rb", opener=opener) as file:
            body = file.read(max_bytes + 1)
    except OSError:
        return None
    return body if len(body) <= max_bytes else None
