"""deploy/queue: edges, a broker, converters and reports, each process killed once under load."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from telemetry_server.demo.temporary_server import bare_environment
from tests.support.brokers import HOW, free_port, nats_server_path
from tests.support.data_root import an_id
from tests.support.running_server import result_of, telemetry_server
from tests.support.sizes import size
from tests.support.waiting import PATIENCE_SECONDS, wait_for

FOLDER = Path(__file__).resolve().parents[2] / "deploy/queue"
PING = b'{"ver": 1, "info": {"reason": "idle-daily", "appName": "Firefox", "appVersion": "25.0"}}'
PARTS = ("nats", "edge-1", "edge-2", "converter-1", "converter-2", "reports-1", "reports-2")
PORTS = ("NATS", "EDGE_1", "EDGE_2", "CONVERTER_1", "CONVERTER_2", "REPORTS_1", "REPORTS_2")


def test_the_readme_names_every_file_and_every_variable():
    readme = (FOLDER / "README.md").read_text()
    for file in FOLDER.iterdir():
        assert file.name == "README.md" or f"`{file.name}`" in readme
    for variable in re.findall(r"\$\{([A-Z][A-Z0-9_]*):-", (FOLDER / "run").read_text()):
        assert f"`{variable}`" in readme


class Example:
    """The running example."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.ports = {name: free_port() for name in PORTS}
        environment = bare_environment() | {"PATH": os.environ["PATH"], "TELEMETRY_REVISION_OFFLINE": "true"}
        environment |= {f"{name}_PORT": str(port) for name, port in self.ports.items()}
        environment |= {"DATA": str(data), "BIN": str(Path(sys.executable).parent)}
        self.process = subprocess.Popen([str(FOLDER / "run")], env=environment, start_new_session=True)

    def pid(self, part: str) -> int:
        return int((self.data / f"{part}.pid").read_text())

    def kill(self, part: str) -> None:
        before = self.pid(part)
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: self._is_new(part, before))

    def _is_new(self, part: str, before: int) -> bool:
        try:
            return self.pid(part) != before
        except ValueError:
            return False  # the file is being written

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_SECONDS)
        finally:
            for part in PARTS:
                try:
                    os.kill(self.pid(part), signal.SIGKILL)
                except (OSError, ValueError):
                    continue


async def send(example: Example, acknowledged: set[int], stop: asyncio.Event) -> None:
    """Send pings to both edges until *stop*; each without a 200 is sent once more, to the other edge."""
    numbers = iter(range(1, 1 << 30))
    urls = [f"http://127.0.0.1:{example.ports[name]}" for name in ("EDGE_1", "EDGE_2")]

    async def client(which: int, session: aiohttp.ClientSession) -> None:
        while not stop.is_set():
            number = next(numbers)
            for url in (urls[which % 2], urls[(which + 1) % 2]):
                try:
                    async with session.post(f"{url}/submit/telemetry/{an_id(number)}", data=PING) as answer:
                        if answer.status == 200:
                            acknowledged.add(number)
                            break
                except (aiohttp.ClientError, TimeoutError, OSError):
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.01)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        await asyncio.gather(*(client(number, session) for number in range(8)))


@pytest.mark.slow
def test_every_acknowledged_ping_is_stored_once_with_each_process_killed_once(tmp_path):
    pytest.importorskip("nats", reason=HOW)
    nats_server_path()
    if not (Path(sys.executable).parent / "telemetry-server").exists():
        pytest.skip("the command telemetry-server is not installed beside this Python")
    example = Example(tmp_path / "data")
    acknowledged: set[int] = set()
    try:
        for name in ("EDGE_1", "EDGE_2", "CONVERTER_1", "CONVERTER_2"):
            wait_for(lambda name=name: answers(example.ports[name]))

        async def load() -> None:
            stop = asyncio.Event()
            sending = asyncio.create_task(send(example, acknowledged, stop))
            for part in PARTS * size(1, 3):
                await asyncio.sleep(0.5)
                await asyncio.to_thread(example.kill, part)
            await asyncio.sleep(0.5)
            stop.set()
            await sending

        asyncio.run(load())
        wanted = {an_id(number) for number in acknowledged}
        assert len(wanted) > 100
        wait_for(lambda: wanted <= set(stored(example)), seconds=2 * PATIENCE_SECONDS)
        # What waited was handed on, and is removed: a worker that lives seals its segment some seconds later.
        wait_for(lambda: not list(example.data.glob("edge-*/raw/*/*.tlg")))
    finally:
        example.end()

    found = stored(example)
    assert len(found) == len(set(found))
    assert wanted <= set(found)
    for number in (1, 2):
        books = result_of("audit", "--data", str(example.data / f"converter-{number}"))
        assert books["balanced"]


def answers(port: int) -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/__lbheartbeat__", timeout=5):
            return True
    except OSError:
        return False


def stored(example: Example) -> list[str]:
    """Return the ids of all records of both converters."""
    found: list[str] = []
    for number in (1, 2):
        done = telemetry_server("cat", "converted", "--data", str(example.data / f"converter-{number}"))
        found += [line.split("\t")[0] for line in done.stdout.splitlines()]
    time.sleep(0.5)
    return found
