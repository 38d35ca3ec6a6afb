"""A running server, seen from outside: conversion, SIGHUP, routes and file permissions."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import orjson
import pytest

from telemetry_server.demo.temporary_server import TemporaryServer
from tests.support.data_root import SPEC, World, a_ping, an_id, submitted
from tests.support.running_server import running_server
from tests.support.waiting import PATIENCE_SECONDS, bound_under_load, wait_for
from tests.support.whole_server import processes_of

DIMENSIONS = [{"field_name": "appName", "allowed_values": "*"}, {"field_name": "OS", "allowed_values": "*"}]


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
        return answer.read()


def post(url: str, number: int, **more) -> None:
    submission = submitted(a_ping(number, **more), number)
    request = urllib.request.Request(url + submission.path, data=submission.body, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 200


def schema_dimensions(url: str) -> int:
    """How many dimensions the schema of the server has; 0 while it does not answer."""
    try:
        return len(orjson.loads(get(url + "/telemetry_schema"))["dimensions"])
    except OSError:
        return 0


@pytest.fixture
def world(tmp_path):
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    return world


def test_serve_converts_a_ping_within_seconds(world, tmp_path):
    """No `convert` is needed: the server converts what its workers keep."""
    with running_server(tmp_path, workers="2") as server:
        post(server.url, 1)
        started = time.monotonic()
        wait_for(lambda: len(world.lines()) == 1)
        took = time.monotonic() - started

    assert world.audit().balanced
    assert took < bound_under_load(5.0)


def test_conversion_processes_have_a_lower_priority_than_workers(world, tmp_path):
    """Clients wait for the workers, but not for conversion."""
    settings = {"TELEMETRY_REVISION_OFFLINE": "true", "TELEMETRY_WORKERS": "2"}
    with TemporaryServer(tmp_path / "data", settings) as server:
        post(server.url, 1)
        wait_for(lambda: len(world.lines()) == 1)
        processes = processes_of(server)
        priorities = {pid: os.getpriority(os.PRIO_PROCESS, pid) for pid in processes.all}

    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert {priorities[pid] for pid in processes.converters} == {min(ours + 10, 19)}
    assert {priorities[pid] for pid in processes.workers} == {ours}


def test_sighup_loads_a_new_partition_schema(world, tmp_path):
    """The next record uses it, and /telemetry_schema shows it; a broken file changes nothing."""
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"version": 1, "dimensions": DIMENSIONS[:1]}))
    with running_server(tmp_path, partition_schema=str(schema)) as server:
        post(server.url, 1)
        wait_for(lambda: len(world.lines()) == 1)
        schema.write_text(json.dumps({"version": 1, "dimensions": DIMENSIONS}))
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: schema_dimensions(server.url) == 2)
        # The converter reads it for itself.
        wait_for(lambda: "schema, doctypes and rules read again" in (tmp_path / "server.log").read_text())
        post(server.url, 2)
        wait_for(lambda: len(world.lines()) == 2)
        schema.write_text("{")
        server.process.send_signal(signal.SIGHUP)
        post(server.url, 3)
        wait_for(lambda: len(world.lines()) == 3)

    folders = {path.parent.relative_to(world.root.converted) for path in world.root.converted.rglob("*.zst")}
    assert {len(folder.parts) for folder in folders} == {2, 3}
    assert {document_id for document_id, _ in world.lines(OS="UNKNOWN")} == {an_id(2), an_id(3)}
    assert world.audit().balanced


def test_a_worker_that_starts_again_has_the_schema_that_sighup_loaded(world, tmp_path):
    """It is forked from the supervisor, which has read the file again too."""
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"version": 1, "dimensions": DIMENSIONS[:1]}))
    with running_server(tmp_path, "--no-convert", "--no-reports", partition_schema=str(schema)) as server:
        schema.write_text(json.dumps({"version": 1, "dimensions": DIMENSIONS}))
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: schema_dimensions(server.url) == 2)
        (first,) = processes_of(server).workers
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: set(processes_of(server).workers) - {first})
        answers = []
        wait_for(lambda: answers.append(schema_dimensions(server.url)) or answers[-1])

    assert answers[-1] == 2


SERVE_AFTER_SIGHUP = """
import os, signal, sys
from telemetry_server.cli.commands import serve
from telemetry_server.cli.main import main

run = serve.run

def run_after_sighup(args):
    os.kill(os.getpid(), signal.SIGHUP)
    return run(args)

serve.run = run_after_sighup
sys.exit(main())
"""


def test_sighup_before_the_server_runs_does_not_end_it(world, tmp_path):
    """It is held back; workers take the next one."""
    schema, log = tmp_path / "schema.json", tmp_path / "log"
    schema.write_text(json.dumps({"version": 1, "dimensions": DIMENSIONS[:1]}))
    words = ("serve", "--data", str(world.root.path), "--port", "0", "--workers", "1", "--no-reports")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE_AFTER_SIGHUP, *words],
            stdout=file,
            stderr=file,
            env=os.environ | {"TELEMETRY_PARTITION_SCHEMA": str(schema)},
        )
    try:
        wait_for(lambda: "Listening on" in log.read_text() or process.poll() is not None)
        (url,) = re.findall(r"Listening on (http://\S+)/", log.read_text())
        schema.write_text(json.dumps({"version": 1, "dimensions": DIMENSIONS}))
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: schema_dimensions(url) == 2)
        process.terminate()
        status = process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()

    assert status == 0, log.read_text()
    assert "process died" not in log.read_text()


def test_definitions_are_served_under_short_and_full_changesets(world, tmp_path):
    """Another changeset gives 404."""
    with running_server(tmp_path) as server:
        short = get(f"{server.url}/histograms/mozilla-central/0123456789ab")
        whole = get(f"{server.url}/histograms/mozilla-central/0123456789ab{'c' * 28}")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(f"{server.url}/histograms/mozilla-central/eeeeeeeeeeee")

    assert orjson.loads(short) == orjson.loads(whole) == SPEC


def test_serve_no_convert_keeps_submissions_unconverted(world, tmp_path):
    """With --no-convert, `convert` must be run by hand."""
    with running_server(tmp_path, "--no-convert") as server:
        post(server.url, 1)
        lines = get(server.url + "/metrics").splitlines()
        (size,) = (line for line in lines if line.startswith(b"telemetry_raw_bytes"))
        assert float(size.split()[1]) == sum(path.stat().st_size for path in world.root.raw.glob("*/*.tlg"))

    assert world.audit().total.pending == 1
    assert world.lines() == []


def test_other_users_can_read_no_file_of_the_server(world, tmp_path):
    """Folders are 0700 and files 0600, with any umask."""
    with running_server(tmp_path) as server:
        post(server.url, 1)
        post(server.url, 2, info=None)
        wait_for(lambda: world.audit().total.pending == 0 and len(world.lines("quarantine")) == 2)

    ours = [path for path in Path(world.root.path).rglob("*") if world.root.specs not in path.parents]
    assert [path for path in ours if path.stat().st_mode & 0o077 and path != world.root.specs] == []
