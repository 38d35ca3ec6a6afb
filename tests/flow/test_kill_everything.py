"""SIGKILL of every process under load: each acknowledged ping is stored once."""

import asyncio
import os
import signal
from pathlib import Path

import orjson

from telemetry_server.outcomes.outcome import QuarantineReason
from tests.support.data_root import SPEC, a_ping, an_id
from tests.support.history import History, Seen, packed, send, violations
from tests.support.running_server import running_server, telemetry_server


def pings(count: int, first: int = 0):
    """Yield *count* pings, every tenth malformed in one of three ways."""
    for number in range(first, first + count):
        ping = a_ping(number)
        body = packed(ping)
        if number % 10 == 0:
            body = (b"{broken", body[: len(body) // 2], packed({**ping, "ver": 99}))[number // 10 % 3]
        yield an_id(number), f"/submit/telemetry/{an_id(number)}?v=4", body


def kill_all(pid: int) -> None:
    """Send SIGKILL to a server and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in (pid, *map(int, children)):
        os.kill(each, signal.SIGKILL)


async def test_acknowledged_pings_survive_a_kill_of_every_process(tmp_path):
    """16 clients send 1,000 pings to 2 workers; after kill and restart each id is stored once."""
    history = History()
    specs = tmp_path / "data/specs/mozilla-central/0123456789ab"
    specs.mkdir(parents=True)
    (specs / "Histograms.json").write_bytes(orjson.dumps(SPEC))
    with running_server(tmp_path, workers="2") as server:
        sending = asyncio.create_task(
            send(server.url, pings(1000), history, should_stop=lambda: server.process.poll() is not None)
        )
        while len(history.ids(Seen.OK)) < 400:
            await asyncio.sleep(0.01)
        kill_all(server.process.pid)
        await asyncio.to_thread(server.process.wait)
        await sending
    acknowledged = history.ids(Seen.OK)
    assert 400 <= len(acknowledged) < 1000

    with running_server(tmp_path, workers="2") as server:
        await send(server.url, pings(100, first=5000), history)
        assert history.statuses == {200: len(history.ids(Seen.OK))}
    done = await asyncio.to_thread(
        telemetry_server, "convert", "--data", str(tmp_path / "data"), TELEMETRY_REVISION_OFFLINE="true"
    )

    assert done.returncode == 0, done.stderr
    assert violations(tmp_path / "data", history) == []
    reasons = {path.name for path in (tmp_path / "data/quarantine").glob("*/*")} & set(QuarantineReason)
    assert reasons == {"invalid_json", "corrupt_gzip", "unknown_version"}
