"""A running server archives by itself, and its reports read what is only in the archive."""

import json
from urllib.request import urlopen

from storage.ledger.ledger import Ledger
from telemetry_server.demo.temporary_server import free_port
from tests.archive.conftest import DAYS
from tests.support.running_server import running_server
from tests.support.waiting import PATIENCE_SECONDS, wait_for

QUERIES = (
    "pings?day=20261122",
    "submissions?by=hour&from=20261122&to=20261123",
    "histogram?metric=MODE&by=day&weight=clients",
    "clients?by=day",
)


def test_serve_archives_closed_days_and_its_reports_read_them_there(make_archived, tmp_path):
    """Without a command; the answers stay as they were."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    archived.command("aggregate", "--data", str(archived.data))
    port = str(free_port())
    with running_server(tmp_path, reports_port=port):
        wait_for(lambda: _is_up(port))
        before = [_answer(port, query) for query in QUERIES]

    settings = {"archive_to": archived.url, "archive_keep_local": "false"}
    with running_server(tmp_path, reports_port=port, **settings) as server:
        wait_for(lambda: _dropped(archived) == set(DAYS))
        wait_for(lambda: 'telemetry_archive_runs_total{result="done"} 1.0' in _metrics(server.url))
        wait_for(lambda: "telemetry_archive_waiting_days 0.0" in _metrics(server.url))
        wait_for(lambda: _is_up(port))
        assert [_answer(port, query) for query in QUERIES] == before
    assert archived.local_files() == []
    archived.is_sound()


def _is_up(port: str) -> bool:
    try:
        return bool(_answer(port, "status"))
    except OSError:
        return False


def _metrics(url: str) -> str:
    with urlopen(f"{url}/metrics", timeout=PATIENCE_SECONDS) as answer:
        return str(answer.read().decode())


def _answer(port: str, query: str) -> object:
    with urlopen(f"http://127.0.0.1:{port}/api/v1/{query}", timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)


def _dropped(archived) -> set[str]:
    with Ledger.for_reading(archived.root) as ledger:
        return {day for day, local in ledger.archived_days().items() if local == "dropped"}
