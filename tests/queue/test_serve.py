"""`serve` with `pull_from`: stored while it runs, and shown wherever an operator looks."""

import json
import urllib.request
from collections import Counter
from contextlib import suppress

import pytest

from tests.queue.test_pull import PING, headers, pulled
from tests.support.brokers import STREAM, MockKafka, NatsServer, free_port
from tests.support.data_root import an_id
from tests.support.running_server import running_server, telemetry_server
from tests.support.waiting import wait_for


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


def series(server) -> dict[str, float]:
    """Return the metrics of queues."""
    lines = [
        line for line in fetched(f"{server.url}/metrics").splitlines() if line.startswith("telemetry_queue")
    ]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def doctor_line(server, url: str) -> str:
    done = telemetry_server("doctor", "--data", str(server.data), TELEMETRY_PULL_FROM=url)
    return next(line for line in done.stdout.splitlines() if "broker" in line and url in line)


def test_messages_are_stored_and_the_state_is_shown(tmp_path):
    """Until the broker goes, and again when it is back."""
    broker = NatsServer(tmp_path / "nats", sync="always")
    with broker:
        broker.add_stream()
        port = free_port()
        with running_server(tmp_path, pull_from=broker.url, reports_port=str(port)) as server:
            reports = f"http://127.0.0.1:{port}"
            broker.publish([(STREAM, PING, headers(number)) for number in (1, 2)])
            broker.publish([(STREAM, b"no path", {})])

            def total() -> Counter[str]:
                with suppress(OSError):  # the reports may begin later than the edge
                    return Counter(json.loads(fetched(f"{reports}/api/v1/status"))["total"])
                return Counter()

            wait_for(lambda: total()["stored"] == 2 and total()["quarantined"] == 1)
            wait_for(lambda: series(server)['telemetry_queue_position{direction="pull"}'] == 4)
            found = series(server)
            assert found['telemetry_queue_messages_total{result="received"}'] == 2
            assert found['telemetry_queue_messages_total{result="faulty"}'] == 1
            assert found['telemetry_queue_connected{direction="pull"}'] == 1
            assert found['telemetry_queue_lag_messages{direction="pull"}'] == 0
            (queue,) = json.loads(fetched(f"{reports}/api/v1/status"))["queues"]
            assert (queue["direction"], queue["url"], queue["state"]) == ("pull", broker.url, "connected")
            assert f"{broker.url}: connected" in fetched(f"{reports}/")
            assert "3 submissions pulled from" in doctor_line(server, broker.url)

            broker.kill()
            wait_for(lambda: series(server)['telemetry_queue_connected{direction="pull"}'] == 0)
            assert "away since" in doctor_line(server, broker.url)
            wait_for(lambda: f"The queue {broker.url} is away" in fetched(f"{reports}/"))

            broker.start()
            broker.publish([(STREAM, PING, headers(3))])
            wait_for(lambda: total()["stored"] == 3)


def test_only_the_partition_whose_messages_were_removed_stops(command, tmp_path):
    """Never a silent jump; the others are read on."""
    broker = MockKafka()
    data = str(tmp_path / "data")
    send = broker.producer.produce
    for partition in (0, 1):
        send(STREAM, PING, partition=partition, headers=list(headers(partition + 1).items()))
    broker.producer.flush(60)
    assert pulled(command, broker.url, data)["received"] == 2
    # The mock keeps about 5 MB of a partition.
    for number in range(3, 23):
        send(STREAM, b"x" * 900_000, partition=0, headers=list(headers(number).items()))
        broker.producer.flush(60)
    send(STREAM, PING, partition=1, headers=list(headers(30).items()))
    broker.producer.flush(60)

    _, said = command("pull", "--from", broker.url, "--once", "--data", data, status=4)
    assert "partition 0 has the offsets" in said
    out, _ = command("cat", "raw", "--data", data)
    assert an_id(30) in out
    assert pulled(command, broker.url, data, "--accept-gap")["received"] > 0


@pytest.mark.parametrize("words", [("--share", "2/2"), ()])
def test_another_share_of_a_data_root_is_refused(nats, command, tmp_path, words):
    data = str(tmp_path / "data")
    nats.publish([(STREAM, PING, headers(1))])
    pulled(command, nats.url, data, "--share", "1/2")
    _, said = command("pull", "--from", nats.url, "--once", "--data", data, *words, status=78)

    assert "took the share 1/2 before" in said
