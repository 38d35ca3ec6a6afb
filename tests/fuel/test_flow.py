"""From a product with a recorder to the collector's database, in processes of their own."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from telemetry_server.fuel.database.collector_database import CollectorDatabase
from tests.fuel.documents import a_structure, a_workload
from tests.support.running_server import result_of, running_server, telemetry_server
from tests.support.waiting import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.slow

OPERATIONS = 300


@contextmanager
def web_product(folder: Path) -> Iterator[str]:
    """Yield the address of a product with the state file in *folder*."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuel.web_product", str(folder / "state.sqlite")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        process.stdout.close()


def send(method: str, url: str, body: Any = None) -> Any:
    """Send a request; return the JSON of the answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data=data, method=method, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return json.loads(answer.read())


def operate(product: str, first: int, number: int) -> None:
    """Make a third of *number* operations with background work: a request and a task each."""
    for n in range(first, first + number // 3):
        send("PUT", f"{product}/api/clusters/{n}/changes", {"secret": "canary"})
        send("PUT", f"{product}/api/clusters/{n}/attributes", {"password": "canary"})


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query on the collector's database."""
    import sqlalchemy as sa

    database = CollectorDatabase(url)
    found = database.read(lambda connection: [tuple(row) for row in connection.execute(sa.text(query))])
    database.close()
    return found


def test_from_a_product_to_the_database_until_it_opts_out(tmp_path, postgresql):
    """300 operations arrive, tasks with their execution time; after the opt-out nothing more."""
    url = postgresql.new_database()
    config = tmp_path / "sender.toml"
    with (
        running_server(tmp_path, fuel="true", fuel_database_url=url, reports_port="off") as server,
        web_product(tmp_path) as product,
    ):
        config.write_text(
            f'collector = "http://127.0.0.1:{server.port}"\nstate = "state.sqlite"\n'
            "interval_seconds = 0.2\nrecheck_seconds = 0.2\nretry_seconds = 0.2\nfirst_delay_seconds = 0\n"
        )
        sender = subprocess.Popen(
            [sys.executable, "-m", "telemetry_server", "fuel-sender", "run", "--config", str(config)],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        lines = tmp_path / "structure.jsonl"
        lines.write_text(json.dumps(a_structure()["installation_structure"]))
        assert (
            telemetry_server(
                "fuel-sender", "record", "installation_structure", str(lines), "--config", str(config)
            ).returncode
            == 0
        )
        operate(product, 1, OPERATIONS // 2)
        assert rows(url, "SELECT count(*) FROM action_logs") == [(0,)]

        send("PATCH", f"{product}/api/statistics", {"user_choice_saved": True})
        operate(product, 1000, OPERATIONS // 2)
        status = result_of("fuel-sender", "status", "--config", str(config))
        wait_for(lambda: rows(url, "SELECT count(*) FROM action_logs") == [(OPERATIONS,)])
        wait_for(lambda: rows(url, "SELECT count(*) FROM installation_structures") == [(1,)])

        send("PATCH", f"{product}/api/statistics", {"send_anonymous_statistic": False})
        operate(product, 2000, 30)
        wait_for(
            lambda: result_of("fuel-sender", "status", "--config", str(config))["unsent"]["action_logs"] == 30
        )
        lines.write_text(json.dumps(a_workload(created_date="2026-02-01")))
        telemetry_server("fuel-sender", "record", "oswl_stats", str(lines), "--config", str(config))
        preview = result_of("fuel-sender", "preview", "--config", str(config))
        sender.terminate()
        assert sender.wait(PATIENCE_SECONDS) == 0
        audit = result_of(
            "audit", "--data", str(server.data), TELEMETRY_FUEL="true", TELEMETRY_FUEL_DATABASE_URL=url
        )
        stored = rows(url, "SELECT master_node_uid, external_id, action_type, body FROM action_logs")
        assert rows(url, "SELECT count(*) FROM oswl_stats") == [(0,)]

    assert len(stored) == len({external_id for _, external_id, _, _ in stored}) == OPERATIONS
    assert {uid for uid, *_ in stored} == {status["master_node_uid"]}
    bodies = [json.loads(body) for *_, body in stored]
    tasks = [body for body in bodies if body["action_type"] == "nailgun_task"]
    assert len(tasks) == OPERATIONS // 3
    assert all(body["end_timestamp"] > body["start_timestamp"] for body in tasks)
    assert all(body["additional_info"]["ended_with_status"] == "ready" for body in tasks)
    assert "canary" not in json.dumps(stored, default=str)
    assert audit["fuel"]["action_logs"] == OPERATIONS
    assert [request["path"] for request in preview["requests"]] == [
        "/api/v1/action_logs/", "/api/v1/installation_structure/", "/api/v1/oswl_stats/",
    ]  # fmt: skip
