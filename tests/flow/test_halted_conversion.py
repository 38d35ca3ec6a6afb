"""A server whose conversion halts: the edge still answers, the halt is reported, conversion recovers."""

import json
import os
import signal
import urllib.request
from pathlib import Path

from telemetry_server.demo.temporary_server import TemporaryServer
from tests.support.data_root import a_ping, an_id, submitted
from tests.support.running_server import running_server, telemetry_server
from tests.support.waiting import PATIENCE_SECONDS, wait_for
from tests.support.whole_server import is_alive, prepare, processes_of


def post(server: TemporaryServer, number: int) -> int:
    """Post ping *number*; return the status of the answer."""
    request = urllib.request.Request(
        f"{server.url}/submit/telemetry/{an_id(number)}",
        data=submitted(a_ping(number), number).body,
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return int(answer.status)


def health(server: TemporaryServer) -> dict:
    with urllib.request.urlopen(f"{server.url}/__heartbeat__", timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 200
        return dict(json.loads(answer.read()))


def stored(server: TemporaryServer) -> int:
    return server.counted("telemetry_pings_stored_total")


def test_a_lost_file_halts_conversion_and_the_halt_is_reported_until_it_is_restored(tmp_path: Path) -> None:
    """Submissions are accepted meanwhile; after the repair they are converted without a restart."""
    data = tmp_path / "data"
    prepare(data)
    with running_server(tmp_path) as server:
        assert post(server, 1) == 200
        wait_for(lambda: stored(server) == 1)
        (file,) = (data / "converted").rglob("*.zst")
        whole = file.read_bytes()
        assert health(server)["checks"]["conversion"] == "ok"
        # A commit of another process makes the server check its files again.
        telemetry_server("replay", "--data", str(data))
        os.truncate(file, 5)
        # A new converter process finds the short file at its start.
        converter, *_ = processes_of(server).converters
        os.kill(converter, signal.SIGKILL)
        assert post(server, 2) == 200
        wait_for(lambda: "committed bytes" in health(server).get("conversion", {}).get("reason", ""))

        assert (health(server)["status"], health(server)["checks"]["conversion"]) == ("warning", "halted")
        assert str(tmp_path) not in json.dumps(health(server))
        assert server.counted("telemetry_convert_halted") == 1
        doctor = telemetry_server("doctor", "--data", str(data))
        assert doctor.returncode == 1
        assert "committed bytes are missing" in doctor.stdout
        assert post(server, 3) == 200

        file.write_bytes(whole)
        wait_for(lambda: stored(server) == 3)
        wait_for(lambda: health(server)["checks"]["conversion"] == "ok")
        assert server.counted("telemetry_convert_halted") == 0
        assert server.stop()


def test_a_converter_that_dies_repeatedly_does_not_stop_ingestion(tmp_path: Path) -> None:
    """After six deaths pings are still accepted, health reports the halt, and SIGHUP ends the pause."""
    data = tmp_path / "data"
    prepare(data)
    with running_server(tmp_path) as server:
        killed: set[int] = set()

        def kill_next() -> bool:
            for pid in processes_of(server).converters[:1]:
                if pid not in killed and is_alive(pid):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
            return len(killed) >= 6

        wait_for(kill_next)
        assert post(server, 1) == 200
        wait_for(lambda: "signal 9" in health(server).get("conversion", {}).get("reason", ""))
        assert server.process.poll() is None

        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: stored(server) == 1)
        wait_for(lambda: health(server)["status"] == "ok")
        assert server.stop()
