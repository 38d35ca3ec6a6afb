"""What readers do to the reports does nothing to those who submit, nor to conversion."""

import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests.reports.test_serve import answered, reports_of, reports_process, served
from tests.support.waiting import PATIENCE_SECONDS, wait_for

CLIENTS = 200
REQUESTS_EACH = 40
PINGS = 20
EATS_MEMORY = {"sql": "SELECT list(range) FROM range(3000000000)"}


def submit(edge: str) -> None:
    """Submit pings; each must be answered 200."""
    for _ in range(PINGS):
        request = urllib.request.Request(f"{edge}/submit/example/hello/1/{uuid4()}", b'{"greeting": "hello"}')
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()


def stored(edge: str) -> int:
    """How many pings are stored, by the edge's own metrics."""
    lines = (answered(f"{edge}/metrics") or b"").decode().splitlines()
    return sum(
        int(float(line.rsplit(" ", 1)[1]))
        for line in lines
        if line.startswith("telemetry_pings_stored_total")
    )


def status_of_statement(url: str, statement: dict[str, str]) -> int:
    """The status of a statement; 0 where the connection was cut."""
    request = urllib.request.Request(
        f"{url}/api/v1/sql", json.dumps(statement).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def resident_bytes(pid: int) -> int:
    """The memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def deaf_client(port: int) -> socket.socket:
    """A client that asks again and again, and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    request = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    client.sendall(request * REQUESTS_EACH)
    return client


@pytest.mark.slow
def test_deaf_readers_a_greedy_query_and_a_kill_leave_pings_alone(tmp_path):
    """All pings are answered 200 and stored; the reports are bounded, stop the query, and come back."""
    with served(tmp_path, reports_query_memory_bytes="128MiB", workers="1") as server, ExitStack() as stack:
        url, edge = reports_of(server), f"http://127.0.0.1:{server.port}"
        wait_for(lambda: answered(f"{url}/__lbheartbeat__") is not None)
        first = reports_process(server, url)
        for _ in range(CLIENTS):
            stack.enter_context(deaf_client(int(url.rpartition(":")[2])))
        statuses: list[int] = []
        query = threading.Thread(
            target=lambda: statuses.append(status_of_statement(url, EATS_MEMORY)), daemon=True
        )
        query.start()
        submit(edge)
        wait_for(lambda: stored(edge) == PINGS)
        query.join(60)
        used = resident_bytes(first)
        has_answered = answered(f"{url}/api/v1/status") is not None
        os.kill(first, signal.SIGKILL)
        submit(edge)
        wait_for(lambda: stored(edge) == 2 * PINGS)
        wait_for(lambda: answered(f"{url}/api/v1/status") is not None)
        status = json.loads(answered(f"{url}/api/v1/status"))

        assert statuses == [503]
        assert has_answered
        assert used < 250 << 20
        assert reports_process(server, url) != first
        assert status["total"]["stored"] == 2 * PINGS
        assert status["balanced"]
