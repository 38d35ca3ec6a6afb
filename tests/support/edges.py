"""An edge in this process, a server in others, and raw connections to both."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from storage.disk import Disk
from storage.raw.reader import read_submission, scan_segment, segments
from storage.raw.submission import Submission
from telemetry_server.edge.edge import EdgeOptions
from telemetry_server.edge.edge_worker import EdgeWorker, WorkerPlace
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.tls import Certificate
from tests.support import forked_commands
from tests.support.waiting import PATIENCE_SECONDS, wait_for

DOCUMENT_ID = "c0ffee00-1234-4abc-8def-0123456789ab"
PATH = f"/submit/telemetry/{DOCUMENT_ID}"


def a_request(
    body: bytes = b"{}", *, path: str = PATH, method: str = "POST", headers: dict[str, str] | None = None
) -> bytes:
    """Return a well-formed request with a Content-Length."""
    lines = {"Host": "localhost", "Content-Length": str(len(body))} | (headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


@dataclass
class Answer:
    """An HTTP response as received."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""


def parse_answers(received: bytes) -> list[Answer]:
    """Return the responses in *received*, including interim ones."""
    answers = []
    while received:
        head, separator, received = received.partition(b"\r\n\r\n")
        assert separator, f"half an answer: {head!r}"
        status_line, *lines = head.decode("latin-1").split("\r\n")
        found = re.fullmatch(r"HTTP/1\.[01] (\d{3}) [A-Za-z -]+", status_line)
        assert found, status_line
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers.get("content-length", 0))
        answers.append(Answer(int(found[1]), headers, received[:length]))
        received = received[length:]
    return answers


def is_whole(received: bytes) -> bool:
    """Return whether *received* ends with a complete response that is not an interim one."""
    try:
        answers = parse_answers(received)
    except AssertionError:
        return False
    if not answers or answers[-1].status < 200:
        return False
    # The answer to a HEAD has a length, and no body.
    return not answers[-1].body or len(answers[-1].body) == int(answers[-1].headers["content-length"])


FIRST_ANSWER_SECONDS = PATIENCE_SECONDS
QUIET_SECONDS = 0.15  # silence after which a connection that stays open has no more responses
BUSY_SECONDS = 2.0  # maximum wait for a silent edge while a request is open


@dataclass
class RunningEdge:
    """An edge that listens in this process."""

    worker: EdgeWorker
    raw: Path

    @property
    def port(self) -> int:
        return self.worker.ports[0]

    async def talk(
        self, *parts: bytes, pause: float = 0.02, half_close: bool = False, patience: float = QUIET_SECONDS
    ) -> list[Answer]:
        """Send *parts*, and read until the edge closes or sends nothing for *patience* after a response."""
        others = self.worker.edge.active_requests
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        received = b""
        try:
            for number, part in enumerate(parts):
                if number:
                    await asyncio.sleep(pause)
                writer.write(part)
                await writer.drain()
            if half_close:
                writer.write_eof()
            while chunk := await self._next_chunk(
                reader, patience if is_whole(received) and not half_close else FIRST_ANSWER_SECONDS, others
            ):
                received += chunk
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
        return parse_answers(received)

    async def _next_chunk(self, reader: asyncio.StreamReader, patience: float, others: int) -> bytes:
        """
        Return the next bytes; empty when the edge has closed.

        Raises:
            TimeoutError: Nothing arrived for *patience* seconds, or for longer while more than *others*
                requests are open.
        """
        deadline = asyncio.get_running_loop().time() + max(patience, BUSY_SECONDS)
        while True:
            try:
                return await asyncio.wait_for(reader.read(1 << 16), patience)
            except TimeoutError:
                is_late = asyncio.get_running_loop().time() >= deadline
                if is_late or self.worker.edge.active_requests <= others:
                    raise

    async def status(self, *parts: bytes, **options: Any) -> int:
        """Return the status of the last response to *parts*; 0 without a response."""
        answers = await self.talk(*parts, **options)
        return answers[-1].status if answers else 0

    def kept(self) -> list[Submission]:
        """Return the submissions in raw/."""
        return kept_in(self.raw)


def kept_in(raw: Path) -> list[Submission]:
    """Return all submissions below *raw*."""
    found = []
    for segment in segments(raw):
        scan = scan_segment(segment.path, 0, max_bytes=1 << 40, max_records=1 << 40)
        with segment.path.open("rb") as file:
            found += [read_submission(file.fileno(), span) for span in scan.spans]
    return found


# The default of fast_lane for edges and servers.
fast_lane: ContextVar[bool] = ContextVar("fast_lane", default=True)


@contextmanager
def with_fast_lane(*, is_on: bool) -> Iterator[None]:
    """Set the default of fast_lane for edges and servers that start in the block."""
    token = fast_lane.set(is_on)
    try:
        yield
    finally:
        fast_lane.reset(token)


@asynccontextmanager
async def running_edge(
    tmp_path: Path,
    *,
    limits: EdgeLimits | None = None,
    disk: Disk | None = None,
    writer_options: dict[str, Any] | None = None,
    certificate: Certificate | None = None,
    **options: Any,
) -> AsyncIterator[RunningEdge]:
    """Yield an edge on a free port, with data below *tmp_path*, and with TLS if *certificate* is given."""
    raw = tmp_path / "raw"
    place = WorkerPlace(raw, 0, **({"min_free_bytes": 0, "reserve_bytes": 0} | (writer_options or {})))
    edge_options = EdgeOptions(limits=limits or EdgeLimits(), **({"fast_lane": fast_lane.get()} | options))
    async with EdgeWorker(edge_options, place, disk=disk) as worker:
        await worker.listen([(socket.AF_INET, ("127.0.0.1", 0))], certificate=certificate)
        yield RunningEdge(worker, raw)


@dataclass
class RunningServer:
    """``telemetry-server serve`` in other processes."""

    process: "forked_commands.ForkedProcess | subprocess.Popen[bytes]"
    data: Path
    log_path: Path
    port: int = 0
    was_closed: bool = False  # whether the server closed the last connection

    def log(self) -> str:
        """Return its output so far."""
        return self.log_path.read_text()

    def talk(self, *parts: bytes, half_close: bool = False, patience: float = 5.0) -> list[Answer]:
        """Send *parts* on one connection; return everything received until it is closed or silent."""
        received = b""
        self.was_closed = False
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(1 << 16):
                    received += chunk
                    if is_whole(received) and not half_close:
                        connection.settimeout(QUIET_SECONDS)
                self.was_closed = True
            except (TimeoutError, ConnectionError):
                pass
        return parse_answers(received)

    def children(self) -> set[int]:
        """Return its child processes."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in path.read_text().split()}

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it; return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


def started_by_itself(
    words: Sequence[str], environment: dict[str, str], stdout: IO[bytes], stderr: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Run ``telemetry-server`` *words* from the start of an interpreter."""
    command = [sys.executable, "-m", "telemetry_server", *words]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)


@contextmanager
def running_server(
    tmp_path: Path,
    *words: str,
    workers: int = 1,
    environment: dict[str, str] | None = None,
    forks: bool = True,
) -> Iterator[RunningServer]:
    """
    Yield a server on a free port with its data below *tmp_path*.

    Without *forks* it starts as it does for users: its memory is that of the limits in the docs.
    """
    data, log_path = tmp_path / "data", tmp_path / "server.log"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TELEMETRY_")}
    bare |= {
        "TELEMETRY_REPORTS_PORT": "off",
        "TELEMETRY_MIN_FREE_BYTES": "0",
        "TELEMETRY_FAST_LANE": str(fast_lane.get()).lower(),
    }
    command = ["serve", "--data", str(data), "--port", "0", "--workers", str(workers), *words]
    with log_path.open("wb") as log:
        start = forked_commands.start if forks else started_by_itself
        process = start(command, bare | (environment or {}), log, log)
    server = RunningServer(process, data, log_path)
    try:
        wait_for(lambda: "Listening on" in server.log() or process.poll() is not None)
        found = re.search(r"Listening on https?://[^:]+:(\d+)/", server.log())
        assert found, server.log()
        server.port = int(found[1])
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
