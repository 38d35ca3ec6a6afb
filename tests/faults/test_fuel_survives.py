"""Collector, sender and PostgreSQL are killed at random while a product records operations."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from telemetry_server.demo.temporary_server import bare_environment, free_port
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.recorder import Recorder
from telemetry_server.fuel.sender.transport import NoAnswer, Transport
from telemetry_server.fuel.sender_state.choices import changed_choices
from telemetry_server.fuel.sender_state.documents import Kind, unsent
from telemetry_server.fuel.sender_state.state_file import StateFile
from tests.fuel.documents import a_task
from tests.support.figures import Figure
from tests.support.postgresql import PostgreSQL, program, running_postgresql
from tests.support.sizes import size
from tests.support.waiting import PATIENCE_SECONDS, wait_for
from tests.support.whole_server import children_of, kill

pytestmark = pytest.mark.slow

SECONDS = size(40, 600)
PAUSE_SECONDS = 0.02  # between two operations of the product


class Restarted:
    """A program that is started again wherever it was killed."""

    def __init__(self, *words: str, log: Path, **environment: str) -> None:
        self._words = [sys.executable, "-m", "telemetry_server", *words]
        self._environment = bare_environment() | environment
        self._log = log
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._words, env=self._environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def kill_and_restart(self, chance: random.Random) -> None:
        """Kill all its processes, or only one child of several, which its parent restarts."""
        children = children_of(self.process.pid)
        if children and chance.random() < 0.5:
            kill(chance.choice(children))
            return
        self.process.send_signal(signal.SIGSTOP)  # it may be starting a child that took the port with it
        kill(self.process.pid, *children_of(self.process.pid))
        self.process.wait()
        time.sleep(chance.uniform(0, 0.3))
        self.process = self._start()

    def stop(self) -> None:
        """Stop it."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE_SECONDS)
        kill(self.process.pid, *children_of(self.process.pid))


class Product(threading.Thread):
    """Records operations until it is stopped; also posts some by itself, as an installation of its own."""

    def __init__(self, state: Path, collector: str) -> None:
        super().__init__()
        self._state = state
        self._transport = Transport(collector, "direct", None, 5.0)
        self.is_stopping = False
        self.recorded: list[int] = []
        self.acknowledged: set[int] = set()

    def run(self) -> None:
        recorder = Recorder(self._state)
        number = 0
        while not self.is_stopping:
            number += 1
            with recorder.task("deploy") as task:
                pass
            self.recorded.append(task.id)
            if number % 10 == 0:
                self._post(number)
            time.sleep(PAUSE_SECONDS)
        recorder.state.close()

    def _post(self, number: int) -> None:
        body = json.dumps({"action_logs": [a_task(number, uid="direct")]}).encode()
        with suppress(NoAnswer):
            reply = self._transport.send("POST", "/api/v1/action_logs/", body)
            if reply.is_accepted and reply.content["action_logs"][0]["status"] in ("added", "existed"):
                self.acknowledged.add(number)


def start_again(server: PostgreSQL) -> None:
    """Kill PostgreSQL, and start it as soon as its last process is gone."""
    server.kill()
    for attempt in range(20):
        try:
            server.start()
            return
        except AssertionError:
            assert attempt < 19
            time.sleep(0.3)


@pytest.mark.skipif(program("initdb") is None, reason="PostgreSQL is not installed (Debian: postgresql)")
def test_every_operation_is_stored_once_whatever_is_killed(tmp_path: Path, figure: Figure) -> None:
    """Nothing that was acknowledged is lost, and nothing is stored twice."""
    chance = random.Random(int(os.environ.get("FAULTS_SEED", "24")))
    port, config = free_port(), tmp_path / "sender.toml"
    config.write_text(
        f'collector = "http://127.0.0.1:{port}"\nstate = "state.sqlite"\ninterval_seconds = 0.3\n'
        "retry_seconds = 0.1\nrecheck_seconds = 0.1\nfirst_delay_seconds = 0\n"
    )
    state = StateFile(tmp_path / "state.sqlite")
    state.save_choices(changed_choices(state.choices(), {"user_choice_saved": True}))
    kills: Counter[str] = Counter()
    with running_postgresql("fsync=on") as postgresql:
        url = postgresql.new_database()
        collector = Restarted(
            "serve",
            "--data",
            str(tmp_path / "data"),
            "--port",
            str(port),
            "--no-convert",
            log=tmp_path / "collector.log",
            TELEMETRY_FUEL="true",
            TELEMETRY_FUEL_DATABASE_URL=url,
            TELEMETRY_WORKERS="2",
            TELEMETRY_REPORTS_PORT="off",
            TELEMETRY_MIN_FREE_BYTES="0",
        )
        sender = Restarted("fuel-sender", "run", "--config", str(config), log=tmp_path / "sender.log")
        product = Product(state.path, f"http://127.0.0.1:{port}")
        product.start()
        try:
            ends = time.monotonic() + SECONDS
            while time.monotonic() < ends:
                time.sleep(chance.uniform(0.5, 4.0))
                victim = chance.choice(["collector", "sender", "postgresql"])
                kills[victim] += 1
                if victim == "postgresql":
                    start_again(postgresql)
                else:
                    {"collector": collector, "sender": sender}[victim].kill_and_restart(chance)
            product.is_stopping = True
            product.join()
            sender.kill_and_restart(random.Random(0))
            wait_for(lambda: unsent(state, Kind.ACTION_LOGS) == 0)
        finally:
            product.is_stopping = True
            product.join()
            sender.stop()
            collector.stop()
        stored = _stored(url)
        uid = state.uid
        keys = Counter(stored)
        with psycopg.connect(
            host=str(postgresql.folder), user="tester", dbname=url.split("?")[0].split("/")[-1]
        ) as c:
            (key_rows,) = c.execute("SELECT count(*) FROM action_log_keys").fetchone() or (0,)
    state.close()
    recorded = {(uid, number) for number in product.recorded if number > 0}
    acknowledged = {("direct", number) for number in product.acknowledged}
    figure.title = "Fuel: kills of collector, sender, PostgreSQL"
    figure.runs = kills.total()
    figure.acknowledged = len(recorded) + len(acknowledged)
    figure.lost = len((recorded | acknowledged) - set(stored))
    figure.doubled = sum(number > 1 for number in keys.values())
    figure.notes.append(", ".join(f"{name} {number}" for name, number in sorted(kills.items())))

    assert len(product.recorded) > 5 * SECONDS
    assert (figure.lost, figure.doubled) == (0, 0)
    assert {key for key in keys if key[0] == uid} == recorded
    assert key_rows == len(keys)


def _stored(url: str) -> list[tuple[str, int]]:
    database = CollectorDatabase(url)
    query = sa.text("SELECT master_node_uid, external_id FROM action_logs")
    for _ in range(50):
        with suppress(DatabaseAway):
            found = database.read(lambda connection: [tuple(row) for row in connection.execute(query)])
            database.close()
            return found
        time.sleep(0.2)
    raise AssertionError("PostgreSQL did not come back")
