"""A real NATS server, and librdkafka's mock broker; without their packages (`make queues`) tests skip."""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import wait_for

STREAM = "T"
HOW = "run: make queues"


def nats_server_path() -> str:
    """Return the program, or skip the test."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        pytest.skip(f"nats-server is not installed; {HOW}")
    return found


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class NatsServer:
    """A NATS server with JetStream in a folder; it may be killed and started again."""

    def __init__(
        self, folder: Path, *, sync: str = "2m", more: str = "", options: Mapping[str, Any] | None = None
    ) -> None:
        pytest.importorskip("nats", reason=HOW)
        self._program = nats_server_path()
        self._options = dict(options or {})  # of the client that makes streams
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        stores = f'jetstream {{ store_dir: "{folder}/js", sync_interval: {sync} }}'
        config = f"host: 127.0.0.1\nport: {self.port}\n{stores}\n"
        (folder / "nats.conf").write_text(config + more)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}/{STREAM}"

    def start(self) -> None:
        """Return when it listens."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._folder / "nats.conf")], stdout=log, stderr=log
            )
        wait_for(self._listens)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """Kill it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> "NatsServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    # -- what an operator and other producers do

    def run(self, work: Any) -> Any:
        """Run the coroutine function *work* with a connected client."""
        import nats

        async def connected() -> Any:
            client = await nats.connect(f"nats://127.0.0.1:{self.port}", connect_timeout=30, **self._options)
            try:
                return await work(client)
            finally:
                await client.close()

        return asyncio.run(connected())

    def add_stream(self, **config: Any) -> None:
        """Make the stream, or make it again."""
        wanted = {"name": STREAM, "subjects": [STREAM, f"{STREAM}.>"], **config}

        async def make(client: Any) -> None:
            await client.request(f"$JS.API.STREAM.DELETE.{STREAM}", b"", timeout=30)
            body = json.dumps(wanted).encode()
            answer = await client.request(f"$JS.API.STREAM.CREATE.{STREAM}", body, timeout=30)
            assert "error" not in json.loads(answer.data), answer.data

        self.run(make)

    def publish(self, messages: Iterable[tuple[str, bytes, Mapping[str, str]]]) -> None:
        """Publish (subject, body, headers) and wait until the stream has them."""

        async def send(client: Any) -> None:
            for subject, body, headers in messages:
                await client.request(subject, body, timeout=30, headers=dict(headers))

        self.run(send)

    def ask(self, subject: str, question: Any = None) -> Any:
        """Return an answer of the JetStream API."""

        async def question_it(client: Any) -> Any:
            body = b"" if question is None else json.dumps(question).encode()
            return json.loads((await client.request(f"$JS.API.{subject}", body, timeout=30)).data)

        return self.run(question_it)


class MockKafka:
    """librdkafka's mock cluster; its messages are in the memory of this process."""

    def __init__(self, *, brokers: int = 1) -> None:
        confluent_kafka = pytest.importorskip("confluent_kafka", reason=HOW)
        options = {"test.mock.num.brokers": brokers, "bootstrap.servers": "mock", "log_level": 0}
        self.producer = confluent_kafka.Producer(options)
        found = self.producer.list_topics(STREAM, timeout=30).brokers.values()
        self.hosts = ",".join(f"{broker.host}:{broker.port}" for broker in found)

    @property
    def url(self) -> str:
        return f"kafka://{self.hosts}/{STREAM}"

    def publish(self, messages: Iterable[tuple[str, bytes, Mapping[str, str]]]) -> None:
        """Publish (key, body, headers) and wait until the topic has them."""
        for key, body, headers in messages:
            self.producer.produce(STREAM, key=key, value=body, headers=list(headers.items()))
        assert self.producer.flush(60) == 0

    def end(self) -> None:
        """End the brokers, with all messages."""
        del self.producer
