"""
The CPU time of pulling from a broker, of handing on to one, and of two converters that share a stream.

The brokers are a real NATS server, and librdkafka's mock of Kafka in this process (`make queues`); only our
own CPU time counts.  Without them nothing is measured.
"""

import asyncio
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

from bench.edge import OURS, Sample, Server, our_server, sample
from bench.report import Row, goal_row, paired_row
from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.terminal.output import say

STREAM = "BENCH"
BODY_BYTES = 2_000
MAX_PULL_MICROSECONDS = 60.0
MAX_SHARE_OF_ONE = 1 / 1.8
START_SECONDS = 30.0


class Broker:
    """A queue that messages are put into."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url

    def renew(self) -> None:
        """Empty the queue."""

    def publish(self, bodies: list[tuple[str, bytes]]) -> None:
        """Put a message into the queue for each path and body."""


class NatsBroker(Broker):
    """A NATS server of our own."""

    def __init__(self, folder: Path) -> None:
        self._address = f"127.0.0.1:{_free_port()}"
        super().__init__("NATS", f"nats://{self._address}/{STREAM}")
        program = Path(sys.executable).with_name("nats-server")
        words = [str(program), "-a", "127.0.0.1", "-p", self._address.rpartition(":")[2]]
        self.process = subprocess.Popen(
            [*words, "-js", "-sd", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _wait_for_port(int(words[-1]))

    def renew(self) -> None:
        """Make the stream anew."""

        async def make(client: Any) -> None:
            await client.request(f"$JS.API.STREAM.DELETE.{STREAM}", b"", timeout=30)
            wanted = {"name": STREAM, "subjects": [STREAM]}
            await client.request(f"$JS.API.STREAM.CREATE.{STREAM}", json.dumps(wanted).encode(), timeout=30)

        asyncio.run(self._connected(make))

    def publish(self, bodies: list[tuple[str, bytes]]) -> None:
        """See `Broker`."""

        async def send(client: Any) -> None:
            for path, body in bodies:
                await client.publish(STREAM, body, headers=_headers(path))
            await client.flush(60)
            state: dict[str, int] = {}
            while state.get("messages", 0) < len(bodies):
                answer = await client.request(f"$JS.API.STREAM.INFO.{STREAM}", b"", timeout=30)
                state = json.loads(answer.data)["state"]

        asyncio.run(self._connected(send))

    async def _connected(self, work: Any) -> None:
        import nats

        client = await nats.connect(f"nats://{self._address}")
        try:
            await work(client)
        finally:
            await client.close()


class KafkaBroker(Broker):
    """librdkafka's mock cluster, which holds about 5 MB a partition."""

    def __init__(self) -> None:
        super().__init__("Kafka", "")
        self.renew()

    def renew(self) -> None:
        """Make a new cluster."""
        from confluent_kafka import Producer

        self._producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
        (broker,) = self._producer.list_topics(STREAM, timeout=30).brokers.values()
        self.url = f"kafka://{broker.host}:{broker.port}/{STREAM}"

    def publish(self, bodies: list[tuple[str, bytes]]) -> None:
        """See `Broker`."""
        for number, (path, body) in enumerate(bodies):
            self._producer.produce(STREAM, body, headers=list(_headers(path).items()), partition=number % 4)
            self._producer.poll(0)
        self._producer.flush(60)


def measure(quick: bool) -> list[Row]:
    """Return the rows of pulling, of handing on, and of sharing."""
    try:
        import confluent_kafka  # noqa: F401 - only whether it is there
        import nats  # noqa: F401
    except ImportError:
        say("queues: not measured, the clients are missing; run: make queues")
        return []
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="telemetry-bench-") as place,
        _nats(Path(place) / "nats") as nats_broker,
    ):
        folder = Path(place)
        brokers = (nats_broker, KafkaBroker())
        rows += [_pull_row(broker, folder, quick=quick) for broker in brokers]
        rows += [_push_row(broker, folder, quick=quick) for broker in brokers]
        rows += [_sharing_row(nats_broker, folder, quick=quick)]
    return rows


@contextmanager
def _nats(folder: Path) -> Iterator[NatsBroker]:
    broker = NatsBroker(folder)
    try:
        yield broker
    finally:
        broker.process.terminate()
        broker.process.wait()


def _pull_row(broker: Broker, folder: Path, *, quick: bool) -> Row:
    """Return the CPU time per message of `pull`, without its start."""
    count, rounds = (2_000, 1) if quick else (8_000, 5)
    values = []
    for number in range(rounds):
        broker.renew()
        broker.publish([(f"/submit/telemetry/{uuid4()}", os.urandom(BODY_BYTES)) for _ in range(count)])
        data = folder / f"pull-{broker.name}-{number}"
        words = ("pull", "--from", broker.url, "--once", "--data", str(data))
        whole, start = _cpu_of(*words), _cpu_of(*words)  # the second one finds nothing
        values.append((whole - start) / count * 1e6)
        shutil.rmtree(data)
    what = f"pull from {broker.name}, 2 KB"
    return goal_row(what, "CPU µs per message", values, MAX_PULL_MICROSECONDS, note=f"{count:,} messages")


def _push_row(broker: Broker, folder: Path, *, quick: bool) -> Row:
    """Return the CPU time per request of an edge that hands on, compared with one that keeps."""
    rounds = 1 if quick else 5
    broker.renew()
    settings = {"TELEMETRY_PUSH_TO": broker.url}
    body = os.urandom(BODY_BYTES)
    pairs: list[tuple[float, float]] = []
    with (
        our_server(1, folder / f"keeps-{broker.name}" / "data", {}, "--no-convert", "--no-reports") as keeps,
        our_server(1, folder / f"hands-{broker.name}" / "data", settings, "--no-reports") as hands,
    ):
        _wait_for_broker(hands)
        _burst(keeps, body), _burst(hands, body)
        for _ in range(rounds):
            kept = _burst(keeps, body)
            pairs.append((_burst(hands, body).microseconds, kept.microseconds))
        fallen_back = sum(
            path.stat().st_size for path in folder.glob(f"hands-{broker.name}/data/raw/*/*.tlg")
        )
    what = f"{OURS}, hands on to {broker.name}, 2 KB, 32 connections"
    return paired_row(
        what, "CPU µs per request", pairs, f"{OURS}, keeps in raw/", f"{fallen_back:,} bytes in raw/"
    )


def _wait_for_broker(server: Server) -> None:
    """Return when the edge has connected."""
    while True:
        with urlopen(f"http://127.0.0.1:{server.port}/__heartbeat__", timeout=30) as answer:
            if json.loads(answer.read())["checks"]["broker"] == "ok":
                return
        time.sleep(0.05)


def _burst(server: Server, body: bytes) -> Sample:
    return sample(server, body, 1, 32)


def _sharing_row(broker: Broker, folder: Path, *, quick: bool) -> Row:
    """Return the larger CPU time of two converters, compared with that of one that does all."""
    count, rounds = (300, 1) if quick else (2_000, 5)
    bodies = _generated(count)
    broker.renew()
    broker.publish(bodies)
    alone: list[float] = []
    halves: tuple[list[float], list[float]] = [], []
    for number in range(rounds):
        alone.append(_pull_and_convert(broker, folder / f"all-{number}", "1/1"))
        for half, found in enumerate(halves, 1):
            found.append(_pull_and_convert(broker, folder / f"{half}-{number}", f"{half}/2"))
    what = "two converters that share a stream: CPU s of the busier one"
    # The same half in all rounds: the slower half of each round would be the one with more noise.
    busier = max(halves, key=median)
    values = [ours / whole for ours, whole in zip(busier, alone, strict=True)]
    note = f"{count:,} generated pings; speed-up {1 / median(values):.2f}"
    return goal_row(what, "of one that does all", values, MAX_SHARE_OF_ONE, note=note)


def _pull_and_convert(broker: Broker, data: Path, share: str) -> float:
    """Return the CPU seconds of pulling and converting a share, without the start of the commands."""
    pull = ("pull", "--from", broker.url, "--share", share, "--once", "--data", str(data))
    convert = ("convert", "--data", str(data))
    whole = _cpu_of(*pull) + _cpu_of(*convert)
    idle = _cpu_of(*pull) + _cpu_of(*convert)
    shutil.rmtree(data)
    return whole - idle


def _generated(count: int) -> list[tuple[str, bytes]]:
    done = subprocess.run(
        [sys.executable, "-m", "telemetry_server", "generate", "--count", str(count), "--seed", "1"],
        check=True,
        capture_output=True,
        env=bare_environment(),
    )
    found = []
    for line in done.stdout.splitlines():
        document_id, _, body = line.partition(b"\t")
        found.append((f"/submit/telemetry/{document_id.decode('ascii', 'replace')}", body))
    return found


def _cpu_of(*words: str) -> float:
    """Return the CPU seconds of a command with its children."""
    settings = {"TELEMETRY_REVISION_OFFLINE": "true", "TELEMETRY_CONVERT_PROCESSES": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "telemetry_server", *words],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=bare_environment() | settings,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _headers(path: str) -> dict[str, str]:
    return {
        "path": path,
        "received_at": "2026-11-28T09:30:00.123456Z",
        "host": "localhost",
        "user-agent": "bench",
    }


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
