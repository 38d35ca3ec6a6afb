"""Pings through an edge, a broker and a puller that are killed at random: each is stored once."""

import asyncio
import itertools
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from storage.raw.segment_paths import segments
from telemetry_server.demo.temporary_server import bare_environment
from tests.support.brokers import STREAM, MockKafka, NatsServer, free_port
from tests.support.data_root import an_id
from tests.support.running_server import result_of, telemetry_server
from tests.support.sizes import size
from tests.support.waiting import PATIENCE_SECONDS, wait_for
from tests.support.whole_server import children_of, kill

pytestmark = pytest.mark.slow

PING = b'{"ver": 1, "info": {"reason": "idle-daily", "appName": "Firefox", "appVersion": "25.0"}}'
SETTINGS = {
    "TELEMETRY_REVISION_OFFLINE": "true",
    "TELEMETRY_WORKERS": "2",
    "TELEMETRY_CONVERT_PROCESSES": "1",
    "TELEMETRY_MIN_FREE_BYTES": "100MB",
}
CONNECTIONS = 32


class Program:
    """A command of ours that may be killed with all its processes, and started again."""

    def __init__(self, log: Path, *words: str, **settings: str) -> None:
        self._log = log
        self._words = [sys.executable, "-m", "telemetry_server", *words]
        self._environment = bare_environment() | SETTINGS | settings
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._words, env=self._environment, stdout=log, stderr=log)

    def restart(self) -> None:
        """Kill all its processes, and start it again."""
        kill(self.process.pid, *children_of(self.process.pid))
        self.process.wait()
        self.start()

    def kill_a_child(self, chance: random.Random) -> None:
        """Kill one of its processes; the first one starts it again."""
        children = children_of(self.process.pid)
        if children:
            kill(chance.choice(children))

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_SECONDS)
        finally:
            kill(self.process.pid, *children_of(self.process.pid))


class Clients:
    """Clients that send each ping until it is answered 200."""

    def __init__(self, url: str, total: int) -> None:
        self.acknowledged: set[int] = set()
        self._url = url
        self._total = total
        self._numbers: Iterator[int] = itertools.count(1)

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=30)
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            await asyncio.gather(*(self._client(session) for _ in range(CONNECTIONS)))

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while (number := next(self._numbers)) <= self._total:
            while number not in self.acknowledged:
                try:
                    url = f"{self._url}/submit/telemetry/{an_id(number)}"
                    async with session.post(url, data=PING) as answer:
                        if answer.status == 200:
                            self.acknowledged.add(number)
                            continue
                except (aiohttp.ClientError, TimeoutError, OSError):
                    pass
                await asyncio.sleep(0.05)


def stored_ids(data: Path) -> list[str]:
    done = telemetry_server("cat", "converted", "--data", str(data))
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


def messages_of(broker: NatsServer) -> int:
    return int(broker.ask(f"STREAM.INFO.{STREAM}")["state"]["messages"])


def test_nothing_is_lost_or_doubled_while_all_parts_are_killed(tmp_path, figure):
    total, kills = size(2_000, 50_000), size(8, 50)
    chance = random.Random(size(1, 2))
    counts: Counter[str] = Counter()
    edge_data, data = tmp_path / "edge", tmp_path / "data"
    port = free_port()
    with NatsServer(tmp_path / "nats", sync="always") as broker:
        broker.add_stream()
        edge = Program(
            tmp_path / "edge.log",
            *("serve", "--no-reports", "--data", str(edge_data), "--port", str(port)),
            TELEMETRY_PUSH_TO=broker.url,
        )
        puller = Program(tmp_path / "pull.log", "pull", "--from", broker.url, "--data", str(data))
        actions = {
            "broker": lambda: (broker.kill(), broker.start()),
            "puller": puller.restart,
            "edge": edge.restart,
            "pusher": lambda: edge.kill_a_child(chance),
        }
        clients = Clients(f"http://127.0.0.1:{port}", total)

        async def trouble() -> None:
            sending = asyncio.create_task(clients.run())
            for number in range(1, kills + 1):
                while len(clients.acknowledged) < total * number // (kills + 1):
                    await asyncio.sleep(0.02)
                    assert not sending.done() or len(clients.acknowledged) == total
                what = chance.choice(sorted(actions))
                counts[what] += 1
                await asyncio.to_thread(actions[what])
            await sending

        try:
            asyncio.run(trouble())
            wait_for(lambda: not list(segments(edge_data / "raw")), seconds=5 * PATIENCE_SECONDS)
        finally:
            edge.end()
            puller.end()
        pulled = result_of("pull", "--from", broker.url, "--once", "--data", str(data))
        in_stream = messages_of(broker)

    done = telemetry_server("convert", "--data", str(data), **SETTINGS)
    assert done.returncode == 0, done.stderr
    books = result_of("audit", "--data", str(data))
    found = Counter(stored_ids(data))
    lost = len({an_id(number) for number in clients.acknowledged} - set(found))
    doubled = sum(count > 1 for count in found.values())
    figure.title, figure.runs, figure.acknowledged = (
        "a queue, all parts killed",
        kills,
        len(clients.acknowledged),
    )
    figure.lost, figure.doubled = lost, doubled
    figure.notes += [f"{name} {count}" for name, count in sorted(counts.items())]
    figure.notes.append(f"{books['total']['duplicate']} sent twice, {pulled['received']} pulled at the end")

    assert (lost, doubled) == (0, 0)
    assert books["balanced"]
    assert books["total"]["received"] == in_stream  # each position once
    assert books["total"]["stored"] == total


def test_kafka_is_read_once_while_the_puller_is_killed(tmp_path):
    """Over several brokers and partitions; another member of the group makes it rebalance."""
    confluent_kafka = pytest.importorskip("confluent_kafka")
    total, kills = size(1_000, 8_000), size(4, 20)
    data = tmp_path / "data"
    broker = MockKafka(brokers=3)
    puller = Program(tmp_path / "pull.log", "pull", "--from", broker.url, "--data", str(data))
    try:
        for number in range(kills):
            first, last = total * number // kills, total * (number + 1) // kills
            broker.publish(
                (an_id(each), PING, {"path": f"/submit/telemetry/{an_id(each)}"})
                for each in range(first, last)
            )
            wait_for(lambda last=last, first=first: pulled_count(data) > first)
            puller.restart()
            if number == kills // 2:
                other = confluent_kafka.Consumer(
                    {"bootstrap.servers": broker.hosts, "group.id": group_of(data), "log_level": 0}
                )
                other.subscribe([STREAM])
                other.poll(1)
                other.close()
        wait_for(lambda: pulled_count(data) >= total)
    finally:
        puller.end()

    done = telemetry_server("convert", "--data", str(data), **SETTINGS)
    assert done.returncode == 0, done.stderr
    books = result_of("audit", "--data", str(data))
    assert books["balanced"]
    assert (books["total"]["received"], books["total"]["stored"]) == (total, total)


def pulled_count(data: Path) -> int:
    """Return how many positions were read, by the file of positions."""
    try:
        return sum(json.loads((data / "state/queue.json").read_bytes())["after"].values())
    except (OSError, ValueError):
        return 0


def group_of(data: Path) -> str:
    """Return the consumer group of a data root."""
    from storage.data_root import DataRoot
    from telemetry_server.composition.queue import _reader_name

    return _reader_name(DataRoot(data.resolve()))
