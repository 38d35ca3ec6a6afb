"""The Fuel-stat collector against one in the original's shape, both on PostgreSQL with durable commits."""

import http.client
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench import fuel_reports
from bench.processes import cpu_seconds, family
from bench.report import Row, paired_row
from bench.temporary_postgresql import program, temporary_postgresql
from telemetry_server.demo.temporary_server import TemporaryServer
from telemetry_server.terminal.output import say

BATCH = 100
PATH = "/api/v1/action_logs/"
GOAL = 1 / 3  # of the cost


def measure(quick: bool, installations: int = fuel_reports.INSTALLATIONS) -> list[Row]:
    """Two rows of the collector, and one for each report."""
    return _measure_collector(quick) + fuel_reports.measure(quick, installations)


def _measure_collector(quick: bool) -> list[Row]:
    """Two rows: CPU time per action log, of the collector's processes alone and with PostgreSQL's."""
    if program("initdb") is None:
        say("fuel: PostgreSQL is not installed")
        return []
    rounds, batches = (2, 10) if quick else (7, 100)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder, temporary_postgresql() as database:
        settings = {
            "TELEMETRY_FUEL": "true",
            "TELEMETRY_FUEL_DATABASE_URL": database.url,
            "TELEMETRY_WORKERS": "1",
        }
        words = [sys.executable, "-m", "bench.flask_collector", database.url]
        with (
            TemporaryServer(Path(folder) / "data", settings, ["--no-convert"]) as ours,
            subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as theirs,
        ):
            assert theirs.stdout is not None
            port = int(theirs.stdout.readline())
            sides = ((ours.port, ours.process.pid), (port, theirs.pid))
            # Each process has what it needs in memory, and each connection is open.
            for number, (side, _) in enumerate(sides):
                send_batches(side, -1 - number, 3)
            costs: list[list[tuple[float, float]]] = []
            for turn in range(rounds):
                order = sides if turn % 2 else sides[::-1]
                measured = {
                    side: _cost(pid, database.pid, partial(send_batches, side, turn, batches))
                    for side, pid in order
                }
                costs.append([measured[side] for side, _ in sides])
            theirs.terminate()
    per_log = [
        [tuple(seconds / (batches * BATCH) * 1e6 for seconds in cost) for cost in pair] for pair in costs
    ]
    note = f"{rounds} rounds of {batches} batches of {BATCH} logs; goal: at most {GOAL:.2f}"
    yardstick = "Flask, jsonschema, psycopg2"
    return [
        paired_row(
            "fuel: CPU time of the collector per action log",
            "us",
            [(ours[0], theirs[0]) for ours, theirs in per_log],
            yardstick,
            note,
        ),
        paired_row(
            "fuel: the same with PostgreSQL's processes",
            "us",
            [(ours[1], theirs[1]) for ours, theirs in per_log],
            yardstick,
            f"{note.partition(';')[0]}; both write the same rows, ours a key more",
        ),
    ]


def _cost(pid: int, database_pid: int, work: Callable[[], None]) -> tuple[float, float]:
    """Return the CPU seconds of the process *pid* during *work*, alone and with those of the database."""
    there = set(family(database_pid))
    before, database_before = cpu_seconds(pid), cpu_seconds(database_pid)
    work()
    after, database_after = cpu_seconds(pid), cpu_seconds(database_pid)
    # A backend that ended meanwhile would take its time with it.
    assert there <= set(family(database_pid)) or database_after >= database_before
    return after - before, after - before + database_after - database_before


def send_batches(port: int, turn: int, batches: int) -> None:
    """Send *batches* of new logs on one connection; each must be stored."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for number in range(batches):
        logs = [an_action_log(turn, number * BATCH + n) for n in range(BATCH)]
        body = json.dumps({"action_logs": logs}).encode()
        connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = json.loads(answer.read())
        added = sum(item["status"] == "added" for item in content["action_logs"])
        if answer.status != 200 or added != BATCH:
            raise RuntimeError(f"{answer.status}: {added} of {BATCH} logs were added")
    connection.close()


def an_action_log(turn: int, number: int) -> dict[str, Any]:
    """Return the log of a finished task, as senders send it."""
    body = {
        "id": number,
        "actor_id": "9f2c" * 16,
        "action_group": "cluster_changes",
        "action_name": "deploy",
        "action_type": "nailgun_task",
        "start_timestamp": "2026-02-01T08:00:00.123456",
        "end_timestamp": "2026-02-01T08:45:30.654321",
        "additional_info": {
            "parent_task_id": None,
            "subtasks_ids": [number + 1, number + 2],
            "operation": "deploy",
            "nodes_from_resp": [1, 2, 3, 4],
            "ended_with_status": "ready",
            "message": None,
            "output": None,
        },
        "is_sent": False,
        "cluster_id": 3,
        "task_uuid": "e0d8e0f2-0000-4000-8000-000000000041",
    }
    return {"master_node_uid": f"inst-{turn}", "external_id": number, "body": body}
