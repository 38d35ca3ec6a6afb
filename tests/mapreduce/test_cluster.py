"""A job on the workers of a Dask scheduler: real processes, one of them killed."""

import argparse
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from threading import Thread

import pytest

from telemetry_server.cli.commands.job_runs import add_run_options
from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.mapreduce import cluster, cluster_worker
from telemetry_server.mapreduce.cluster import ClusterRun
from telemetry_server.mapreduce.cluster_worker import ClusterSetup, FileVanished, TaskMapped, map_on_worker
from telemetry_server.mapreduce.errors import ClusterFailed
from telemetry_server.mapreduce.inputs import InputFile
from telemetry_server.mapreduce.job_file import read_job
from telemetry_server.mapreduce.plan import MapTask
from telemetry_server.mapreduce.python_spec import PythonSpec
from telemetry_server.mapreduce.work import Failed
from tests.mapreduce.original_jobs import ORIGINAL_JOBS, SUM
from tests.support.waiting import PATIENCE_SECONDS, wait_for

COUNT = 'def map(key, dims, value, context):\n    context.write("/".join(dims), 1)\n' + SUM


@contextmanager
def dask(folder: Path, name: str, *words: str) -> Iterator[subprocess.Popen]:
    """Start ``dask <words>``, with its talk in a file; end it afterwards."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words], stdout=log, stderr=log, env=bare_environment(), cwd=folder
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """Start a scheduler on a free port; yield its address."""
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with dask(folder, "scheduler", "scheduler", *words):
        log = folder / "scheduler.log"
        wait_for(lambda: re.search(r"tcp://127\.0\.0\.1:\d+", log.read_text()))
        yield re.search(r"tcp://127\.0\.0\.1:\d+", log.read_text())[0]


@contextmanager
def worker(folder: Path, name: str, address: str) -> Iterator[subprocess.Popen]:
    """Start a worker, and wait until it has joined."""
    words = [address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
    with dask(folder, name, "worker", *words) as process:
        wait_for(lambda: "Registered to" in (folder / f"{name}.log").read_text())
        yield process


@pytest.fixture
def place(tmp_path) -> Path:
    """A folder for the cluster's own files."""
    folder = tmp_path / "dask"
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_a_cluster_gives_the_bytes_of_one_machine(jobs, place):
    """For every kind of job, on two workers; with a module beside the job, and its changed version."""
    with scheduler(place) as address, worker(place, "one", address), worker(place, "two", address):
        for original in ORIGINAL_JOBS:
            on_cluster = jobs.run(original.text, "--cluster", address, "-r", "2")[0]
            assert on_cluster == jobs.run(original.text)[0]
        for word in ("first", "second"):
            jobs.write(f"WORD = {word!r}", "cluster_helper.py")
            text = COUNT.replace("    context", "    import cluster_helper\n    context")
            text = "import cluster_helper\n" + text.replace('"/".join(dims)', "cluster_helper.WORD")
            sys.modules.pop("cluster_helper", None)
            assert jobs.output(text, "--cluster", address) == [f"{word}\t300"]
        failing = "def map(k, d, v, c): c.write('n', {1})\n"
        _, said = jobs.run(failing, "--cluster", address, status=1)
        assert "it wrote a value of type set" in said
        assert "(job.py:1 in map)" in said
        words = ["--map", "cut -f1", "--cluster", address]
        assert len(jobs.command("mapreduce", *words, *jobs.always)[0].splitlines()) == 300
        part = str(jobs.folder / "a.part")
        jobs.run(COUNT, "--cluster", address, "--part", part)
        merged, _ = jobs.command("mapreduce", str(jobs.folder / "job.py"), "--merge", part)
        assert merged == jobs.run(COUNT)[0]
    assert not [name for name in jobs.left() if name.startswith("telemetry-")]


@pytest.mark.slow
def test_a_worker_that_is_killed_in_the_middle_changes_no_byte(jobs, place):
    """Its tasks are done by the other one, and counted once."""
    with scheduler(place) as address, worker(place, "one", address), worker(place, "two", address):
        seen = place / "seen"
        seen.mkdir()
        slow = f"open({str(seen)!r} + '/' + str(os.getpid()), 'a').close(); time.sleep(0.02)"
        text = "import os, time\n" + COUNT.replace("    context", f"    {slow}\n    context", 1)
        job = jobs.write(text)
        out = jobs.folder / "out"
        words = ["mapreduce", str(job), *jobs.always, "--cluster", address, "--output", str(out)]
        running = subprocess.Popen(
            [sys.executable, "-m", "telemetry_server", *words], stderr=subprocess.PIPE, env=bare_environment()
        )
        # The scheduler chooses which worker begins.
        wait_for(lambda: any(seen.iterdir()))
        os.kill(int(next(seen.iterdir()).name), signal.SIGKILL)
        _, said = running.communicate(timeout=PATIENCE_SECONDS)

        assert running.returncode == 0, said
        assert running.pid
        assert said.decode().splitlines()[-1].endswith("300 records, 0 skipped, 60 keys")
    assert out.read_text() == jobs.run(COUNT)[0]


@pytest.mark.slow
def test_a_job_that_kills_every_worker_names_its_files(jobs, place):
    """Status 5."""
    text = "import os\ndef map(key, dims, value, context):\n    os.kill(os.getpid(), 9)\n"
    with scheduler(place) as address:
        words = [address, "--nthreads", "1", "--nworkers", "2", "--no-dashboard", "--host", "127.0.0.1"]
        with dask(place, "workers", "worker", *words):
            _, said = jobs.run(text, "--cluster", address, status=5)

    assert "workers were killed while they read converted/" in said


def test_a_scheduler_that_does_not_answer_is_one_line(jobs, monkeypatch):
    """Status 5."""
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.3)
    _, said = jobs.run(COUNT, "--cluster", "tcp://127.0.0.1:1", status=5)

    assert "no scheduler answers at tcp://127.0.0.1:1" in said
    assert len(said.splitlines()) == 1


def test_another_server_at_the_address_is_one_line(jobs):
    """Status 5: Dask reads its greeting as a number of bytes that no memory has."""

    def greet(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b'INFO {"server_id":"X","version":"2.10.0"}\r\n')
                    connection.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=greet, args=(listener,), daemon=True).start()
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        _, said = jobs.run(COUNT, "--cluster", address, status=5)

    assert address in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("address", ["", "host", "host:port", "tcp://host:99999", "zzz://host:8786"])
def test_what_is_no_address_of_a_scheduler_is_a_wrong_argument(address, jobs):
    """Status 2, for `mapreduce` and `export`."""
    _, said = jobs.run(COUNT, "--cluster", address, status=2)
    assert f"{address!r} is not the address of a scheduler" in said

    words = ("export", "frontend", "--output", "x", *jobs.always, "--cluster", address)
    assert "is not the address of a scheduler" in jobs.command(*words, status=2)[1]


def test_dask_logs_nothing_during_a_run_and_as_before_after_it(jobs, monkeypatch):
    """The loggers of Dask have levels of their own, and one shows tracebacks where a scheduler goes away."""

    def enabled() -> set[str]:
        names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
        return {name for name in names if logging.getLogger(name).isEnabledFor(logging.CRITICAL)}

    during: list[set[str]] = []
    connect = cluster._client

    def connect_and_look(address: str) -> object:
        during.append(enabled())
        return connect(address)

    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(cluster, "_client", connect_and_look)
    jobs.run(COUNT, "--cluster", "tcp://127.0.0.1:1", status=5)

    assert during == [set()]
    assert "distributed.core" in enabled()


@pytest.mark.parametrize("address", ["tcp://[::1]:8786", "h:8786", "wss://h", "ucxx://h:8786"])
def test_the_addresses_of_dask_are_taken(address):
    parser = argparse.ArgumentParser()
    add_run_options(parser)

    assert parser.parse_args(["--cluster", address]).cluster == address


class WorkersAfter:
    """A client of a scheduler whose first worker joins within the wait with this number."""

    def __init__(self, number: float) -> None:
        self.number = number
        self.waits: list[float] = []

    def wait_for_workers(self, count: int, timeout: float) -> None:
        assert count == 1
        self.waits.append(timeout)
        if len(self.waits) < self.number:
            raise TimeoutError

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(("number", "lines"), [(1, 0), (2, 1)])
def test_a_wait_for_the_first_worker_is_said_after_a_few_seconds(monkeypatch, capsys, number, lines):
    """The wait is as long as before."""
    client = WorkersAfter(number)
    monkeypatch.setattr(cluster, "_client", lambda _: client)
    with cluster.connected("tcp://host:8786") as connected:
        assert connected is client

    said = capsys.readouterr().err
    assert said.count("\n") == lines
    assert client.waits == [3, 57][:number]
    if lines:
        assert "the scheduler at tcp://host:8786 has no workers: waiting up to 60 s" in said


def test_a_scheduler_without_workers_ends_the_run(jobs, monkeypatch):
    """Status 5, after two lines."""
    monkeypatch.setattr(cluster, "_client", lambda _: WorkersAfter(float("inf")))
    _, said = jobs.run(COUNT, "--cluster", "tcp://host:8786", status=5)

    waiting, ended = said.splitlines()
    assert "waiting up to 60 s" in waiting
    assert "no workers at tcp://host:8786" in ended


class NothingFinished:
    """A queue of finished tasks, a client and a clock: workers vanish at once, and are back at *backs*."""

    status = "running"
    seconds = 0.0

    def __init__(self, *backs: float) -> None:
        self.backs = backs

    def __call__(self) -> float:
        return self.seconds

    def get(self, timeout: float) -> None:
        self.seconds += timeout
        raise Empty

    def nthreads(self) -> dict[str, int]:
        return {"tcp://worker": 1} if self.seconds in self.backs else {}


@pytest.mark.parametrize(("backs", "lines"), [((), 1), ((2, 4), 1), ((10,), 2)])
def test_a_wait_for_workers_that_vanished_is_said_once(monkeypatch, capsys, backs, lines):
    """After a few seconds, and again where workers were back meanwhile; the wait is as long as before."""
    run = ClusterRun.__new__(ClusterRun)
    run.client = finished = NothingFinished(*backs)
    monkeypatch.setattr(cluster, "monotonic", finished)

    with pytest.raises(ClusterFailed, match="no workers any more"):
        list(run._finished(finished, 1))

    said = capsys.readouterr().err
    assert said.count("the scheduler has no workers any more: waiting up to 60 s") == lines
    assert said.count("\n") == lines
    assert finished.seconds == max((0, *backs)) + 62


def test_without_dask_the_message_names_the_extra(jobs, monkeypatch):
    """Status 78."""
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    _, said = jobs.run(COUNT, "--cluster", "tcp://127.0.0.1:1", status=78)

    assert "pip install 'telemetry-server[cluster]'" in said


def one_task(job_world, **changes) -> tuple[MapTask, dict]:
    """A task of one file of the data root, and what a worker is given."""
    path = next(job_world.root.converted.rglob("*.zst"))
    relative = str(path.relative_to(job_world.root.path))
    file = InputFile(0, relative, "d", ("reason",), path.stat().st_size, 1)
    given = {"root": job_world.root.path, "partitions": 1, "budget_bytes": 1 << 20}
    return MapTask(0, (file,)), given | {"version": cluster_worker.our_version()} | changes


def test_a_worker_returns_what_happened_as_a_value(jobs, job_world, tmp_path):
    """An exception would be tried again."""
    job = PythonSpec(read_job(jobs.write(COUNT)))
    task, given = one_task(job_world)
    gone = MapTask(0, (InputFile(0, "converted/gone", "d", (), 1, 1),))
    results = [
        map_on_worker(task, ClusterSetup(job, **given)),
        map_on_worker(gone, ClusterSetup(job, **given)),
        map_on_worker(task, ClusterSetup(job, **given | {"version": "0.0"})),
        map_on_worker(task, ClusterSetup(job, **given | {"root": tmp_path / "elsewhere"})),
    ]

    assert [type(result) for result in results] == [TaskMapped, FileVanished, Failed, Failed]
    assert results[0].records > 0
    assert "a worker has telemetry-server" in str(results[2].error)
    assert "mount it there" in str(results[3].error)
