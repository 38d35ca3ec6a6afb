"""Random kills, drains, power cuts, full and failing disks, and commands beside the server."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from telemetry_server.demo.temporary_server import TemporaryServer, bare_environment
from tests.faults.test_failing_disks import OnFullDisk, fill
from tests.faults.test_sudden_deaths import SETTINGS
from tests.support.figures import Figure
from tests.support.fork_server import wait_for_state
from tests.support.power_cut import LoopFilesystem, loop_filesystem, skip_without_power_cut
from tests.support.sizes import size
from tests.support.tracing import needs_strace, tampered
from tests.support.waiting import becomes_true
from tests.support.whole_server import Clients, kill, kill_all, prepare, processes_of

pytestmark = [pytest.mark.slow, pytest.mark.privileged, needs_strace]


@pytest.fixture
def filesystem(tmp_path: Path) -> Iterator[LoopFilesystem]:
    # A fast machine stores 1 GiB in ten minutes, and a disk that stays full does not recover.
    with loop_filesystem(tmp_path / "loop", "ext4", 4 << 30, "-m", "0") as mounted:
        skip_without_power_cut(mounted)
        yield mounted


class Trouble:
    """A server, its clients, and the faults that happen to them."""

    def __init__(self, filesystem: LoopFilesystem, scratch: Path, seed: int) -> None:
        self.filesystem = filesystem
        self.data = filesystem.path / "data"
        self.clients = Clients(padding=200)
        self.counts: Counter[str] = Counter()
        self._scratch = scratch
        self._chance = random.Random(seed)
        self._server = self._start()

    def _start(self) -> TemporaryServer:
        server = OnFullDisk(self.data, SETTINGS)
        server._log_path = self._scratch / f"server-{self.counts.total()}.log"
        server.__enter__()
        self.clients.url = server.url
        return server

    async def restart(self) -> None:
        """Start a new server after the last one has ended, and wait until it takes submissions."""
        self._server = await asyncio.to_thread(self._start)
        before = self.clients.acknowledged
        assert await becomes_true(lambda: self.clients.acknowledged > before), "it does not take submissions"

    async def cause_trouble(self) -> None:
        """Cause one fault, chosen at random."""
        names = [name for name in dir(self) if name.startswith("trouble_")]
        name = self._chance.choice(names)
        self.counts[name.removeprefix("trouble_")] += 1
        await getattr(self, name)()
        if self._server.process.poll() is not None:
            await self.restart()
        await asyncio.sleep(self._chance.uniform(0.1, 1.0))

    async def trouble_kill_one(self) -> None:
        there = processes_of(self._server)
        kill(self._chance.choice([*there.workers, *there.converters] or [there.supervisor]))

    async def trouble_kill_supervisor(self) -> None:
        there = processes_of(self._server)
        kill(there.supervisor)
        await asyncio.sleep(self._chance.uniform(0.0, 0.5))
        kill(*there.all)
        await asyncio.to_thread(self._server.process.wait)

    async def trouble_kill_all(self) -> None:
        await asyncio.to_thread(kill_all, self._server)

    async def trouble_drain(self) -> None:
        assert await asyncio.to_thread(self._server.stop), "it did not stop cleanly"

    async def trouble_power_cut(self) -> None:
        there = processes_of(self._server)
        # Children first: the supervisor restarts processes only after they end.
        for pid in reversed(there.all):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                await asyncio.to_thread(wait_for_state, pid, "T")
        self.filesystem.cut_power()
        kill(*there.all)
        await asyncio.to_thread(self._server.process.wait)
        assert await becomes_true(self._is_unmounted)
        self.filesystem.mount()

    def _is_unmounted(self) -> bool:
        try:
            self.filesystem.unmount()
        except subprocess.CalledProcessError:
            return False
        return True

    async def trouble_full_disk(self) -> None:
        ballast = self.filesystem.path / "ballast"
        fill(ballast, leaving_bytes=self._chance.choice([0, 1 << 20]))
        await asyncio.sleep(self._chance.uniform(0.5, 2.5))
        ballast.unlink()
        started = time.monotonic()
        assert await becomes_true(lambda: self.clients.last_ok > started), "it did not recover"

    async def trouble_failing_calls(self) -> None:
        there = processes_of(self._server)
        pid = self._chance.choice([*there.workers, *there.converters[:1]] or [there.supervisor])
        call = self._chance.choice(["fdatasync", "fsync", "writev", "pwrite64", "openat", "rename", "linkat"])
        tampering = self._chance.choice(["error=EIO", "error=ENOSPC", "signal=KILL"])
        nth = self._chance.randint(1, 20)
        try:
            with tampered(pid, call, f"{tampering}:when={nth}", self._scratch / "trace"):
                await asyncio.sleep(self._chance.uniform(0.2, 0.8))
        except (FileNotFoundError, ProcessLookupError):
            self.counts["failing_calls too late"] += 1  # the process ended before the tracer was attached

    async def trouble_command_beside(self) -> None:
        command = self._chance.choice(["convert", "compact", "replay"])
        process = subprocess.Popen(  # noqa: ASYNC220 - it is waited for in a thread
            [sys.executable, "-m", "telemetry_server", command, "--data", str(self.data)],
            env=bare_environment() | SETTINGS,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # Under steady load `convert` ends only when it finds nothing new.
        patience = self._chance.uniform(0.2, 4.0)
        if not await becomes_true(lambda: process.poll() is not None, patience):
            process.kill()
            await asyncio.to_thread(process.wait)

    async def end(self) -> None:
        """Stop the last server."""
        await asyncio.to_thread(self._server.stop)


async def test_random_faults_lose_and_double_nothing(
    tmp_path: Path, filesystem: LoopFilesystem, figure: Figure
) -> None:
    """Ten minutes in the long suite: 0 lost, 0 doubled, and the audit balances."""
    seed = int(os.environ.get("FAULTS_SEED", "8"))
    prepare(filesystem.path / "data")
    trouble = Trouble(filesystem, tmp_path, seed)
    clients = trouble.clients
    deadline = time.monotonic() + size(15, 600)
    async with clients.sending(clients.url):
        while time.monotonic() < deadline:
            await trouble.cause_trouble()
    await trouble.end()
    figure.title = "T8 everything at random"
    figure.runs = trouble.counts.total()
    figure.acknowledged = clients.acknowledged
    figure.notes.append(", ".join(f"{count} {name}" for name, count in sorted(trouble.counts.items())))
    figure.notes.append(f"answers {dict(sorted(clients.history.statuses.items()))}")
    figure.lost, figure.doubled, found = await asyncio.to_thread(clients.check, trouble.data)
    assert found == []
    assert set(clients.history.statuses) <= {200, 500, 503, 507}
