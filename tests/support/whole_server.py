"""A complete server with its processes by role, ways to kill them, and a stream of clients."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import aiohttp
import orjson

from telemetry_server.demo.temporary_server import TemporaryServer
from tests.support.data_root import SPEC, a_ping, an_id
from tests.support.history import History, Seen, packed, violations
from tests.support.running_server import telemetry_server

CALM_SECONDS = 0.02  # pause of a client after any answer but 200


@dataclass
class Processes:
    """The processes of a server at one moment."""

    supervisor: int
    workers: list[int] = field(default_factory=list)
    converters: list[int] = field(default_factory=list)  # the coordinator, its starter, conversion processes

    @property
    def all(self) -> list[int]:
        return [self.supervisor, *self.workers, *self.converters]


def processes_of(server: TemporaryServer) -> Processes:
    """Return the processes by role; only the converter has the ledger open."""
    found = Processes(server.process.pid)
    for child in children_of(found.supervisor):
        if any(name.endswith("ledger.sqlite") for name in open_files(child)):
            starters = children_of(child)
            found.converters += [child, *starters, *chain.from_iterable(map(children_of, starters))]
        else:
            found.workers.append(child)
    return found


def children_of(pid: int) -> list[int]:
    """
    Return the children of *pid*; none if it has ended.

    Each process is asked for its parent.  A list in /proc is that of one thread, and goes with it: asyncio
    waits for a child in a thread, which ends just as the child is known to have ended.
    """
    processes = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [process for process in processes if _parent_of(process) == pid]


def _parent_of(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None  # it has ended


def open_files(pid: int) -> list[str]:
    """Return what its descriptors are open for; less if it ends meanwhile."""
    names = []
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                names.append(str(link.readlink()))
    return names


def is_alive(pid: int) -> bool:
    """Return whether *pid* is a running process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(*pids: int) -> None:
    """Send SIGKILL; processes that have ended are ignored."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_all(server: TemporaryServer) -> None:
    """Send SIGKILL to all processes of the server."""
    kill(*processes_of(server).all)
    server.process.wait()


def prepare(data: Path) -> None:
    """Store the definitions durably in the cache."""
    folder = data / "specs/mozilla-central/0123456789ab"
    folder.mkdir(parents=True)
    with (folder / "Histograms.json").open("wb") as file:
        file.write(orjson.dumps(SPEC))
        file.flush()
        os.fsync(file.fileno())
    os.sync()


@dataclass
class Clients:
    """
    Clients that send one ping after the other to the server, and record the answers.

    Every third client sends a ping without acknowledgement again later, with the same id: at
    most one of the two may be stored.
    """

    history: History = field(default_factory=History)
    url: str = ""
    padding: int = 0
    rate: float = 0.0  # requests per second of all clients; 0: without limit
    last_ok: float = 0.0
    last_not_ok: float = 0.0
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _again: list[int] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        return self.history.statuses[200]

    def _next(self, client: int) -> int:
        if client % 3 == 0 and len(self._again) > 50:
            return self._again.pop(0)
        return next(self._numbers)

    async def _client(self, client: int, session: aiohttp.ClientSession, started: float) -> None:
        for turn in itertools.count():
            if self.rate:
                clients = session.connector.limit if session.connector else 1
                due = started + (turn * clients + client) / self.rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            number = self._next(client)
            document_id = an_id(number)
            body = packed(a_ping(number, padding=os.urandom(self.padding // 2).hex()))
            before = self.history.seen.get(document_id)
            self.history.seen[document_id] = before or Seen.UNKNOWN
            try:
                async with session.post(f"{self.url}/submit/telemetry/{document_id}", data=body) as answer:
                    self.history.statuses[answer.status] += 1
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError, OSError):
                status = 0
            if status == 200:
                self.history.seen[document_id] = Seen.OK
                self.last_ok = time.monotonic()
                continue
            if status and before is None:
                self.history.seen[document_id] = Seen.REFUSED
            self.last_not_ok = time.monotonic()
            self._again.append(number)
            await asyncio.sleep(CALM_SECONDS)

    @asynccontextmanager
    async def sending(self, url: str, clients: int = 16) -> AsyncIterator[None]:
        """Send over *clients* connections during the block."""
        self.url = url
        connector = aiohttp.TCPConnector(limit=clients)
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            started = time.monotonic()
            tasks = [asyncio.create_task(self._client(n, session, started)) for n in range(clients)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in ended:
            if not isinstance(outcome, asyncio.CancelledError):
                raise AssertionError("a client of the test failed") from outcome  # noqa: TRY004

    def check(self, data: Path) -> tuple[int, int, list[str]]:
        """Convert everything; return the numbers of lost and doubled pings, and all violations."""
        done = telemetry_server("convert", "--data", str(data), TELEMETRY_REVISION_OFFLINE="true")
        assert done.returncode == 0, done.stderr
        found = violations(data, self.history)
        lost = sum("acknowledged and lost" in line for line in found)
        return lost, sum(" times" in line for line in found), found
