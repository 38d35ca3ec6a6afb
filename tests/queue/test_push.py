"""`push_to`: an edge hands on to a broker, and keeps in raw/ what the broker does not take."""

import asyncio
import gzip
import json
import urllib.request
from contextlib import suppress
from datetime import timedelta

import pytest

from storage.data_root import DataRoot
from storage.raw.record_frames import record_of
from storage.raw.segment_file import SegmentSeries
from storage.raw.segment_paths import segments
from storage.raw.submission import Submission
from storage.raw.submission_queue import FutureWaiter
from telemetry_server.queue import kafka_publisher
from telemetry_server.queue.backlog import Backlog
from telemetry_server.queue.errors import BrokerAway, QueueRefused
from telemetry_server.queue.hand_on import HandOn
from telemetry_server.queue.kafka_publisher import KafkaPublisher
from telemetry_server.queue.nats_publisher import NatsPublisher, subject_of
from telemetry_server.queue.queue_url import parse_queue_url
from tests.queue.test_pull import PING, books, pulled
from tests.support.brokers import STREAM, NatsServer
from tests.support.data_root import NOON, World, an_id, submitted
from tests.support.running_server import running_server
from tests.support.waiting import PATIENCE_SECONDS, until, wait_for


def post(server, number: int, body: bytes = PING) -> int:
    request = urllib.request.Request(
        f"{server.url}/submit/telemetry/{an_id(number)}?v=4",
        data=gzip.compress(body),
        headers={"Content-Encoding": "gzip", "User-Agent": "test", "X-Debug-ID": "tag"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(answer.status)


def state_of(server, name: str) -> str:
    """Return the state in a status file; empty without one."""
    with suppress(OSError, ValueError, IndexError):
        return str(json.loads((server.data / "state" / name).read_bytes())[0]["state"])
    return ""


def broker_of(server) -> str:
    """Return what the heartbeat of the edge says about the broker."""
    with urllib.request.urlopen(f"{server.url}/__heartbeat__", timeout=60) as answer:
        return str(json.loads(answer.read())["checks"]["broker"])


def in_raw(server) -> list[str]:
    return [segment.name for segment in segments(server.data / "raw")]


def test_an_edge_hands_on_and_another_data_root_stores(broker, command, tmp_path):
    """With path, query, time and headers as if it had come there."""
    with running_server(tmp_path, "--no-reports", push_to=broker.url) as server:
        wait_for(lambda: broker_of(server) == "ok")
        assert [post(server, number) for number in (1, 2, 2)] == [200] * 3
        assert in_raw(server) == []
    data = str(tmp_path / "other")

    assert pulled(command, broker.url, data)["received"] == 3
    out, _ = command("cat", "raw", "--data", data)
    (raw,) = [json.loads(line.split("\t")[1]) for line in out.splitlines() if line.startswith(an_id(1))]
    assert raw["path"] == f"/submit/telemetry/{an_id(1)}"
    assert raw["query"] == "v=4"
    assert raw["host"].startswith("127.0.0.1")
    assert {name: raw["headers"][name] for name in ("content-encoding", "user-agent", "x-debug-id")} == {
        "content-encoding": "gzip",
        "user-agent": "test",
        "x-debug-id": "tag",
    }
    assert books(command, data) == {"received": 3, "stored": 2, "duplicate": 1}


def test_while_the_broker_is_away_raw_has_it_and_it_is_sent_later(command, tmp_path):
    broker = NatsServer(tmp_path / "nats", sync="always")
    with broker:
        broker.add_stream()
        with running_server(tmp_path, "--no-reports", push_to=broker.url) as server:
            wait_for(lambda: broker_of(server) == "ok")
            broker.kill()
            assert [post(server, number) for number in range(1, 21)] == [200] * 20
            assert in_raw(server)
            wait_for(lambda: state_of(server, "queue-push.json") == "away")
            broker.start()
            wait_for(lambda: broker.ask(f"STREAM.INFO.{STREAM}")["state"]["messages"] >= 20)
        data = str(tmp_path / "other")
        pulled(command, broker.url, data)

    found = books(command, data)
    assert found["stored"] == 20
    assert found["received"] - found.get("duplicate", 0) == 20


def backlog_of(*submissions_of_writers: list[Submission], root: DataRoot) -> Backlog:
    for worker, submissions in enumerate(submissions_of_writers):
        with SegmentSeries(root.raw, worker=worker) as series:
            for submission in submissions:
                series.append([submission], day=submission.received_at.date())
    return Backlog(root)


def test_what_waits_is_sent_in_order_of_arrival(nats, tmp_path):
    """Over the segments of several workers and days; sent segments are removed."""
    world = World(tmp_path / "data")
    all_of_them = [
        submitted(b"%d" % number, number, at=NOON + timedelta(hours=number)) for number in range(60)
    ]
    backlog = backlog_of(all_of_them[::3], all_of_them[1::3], all_of_them[2::3], root=world.root)

    async def hand_on() -> None:
        publisher = NatsPublisher(parse_queue_url(nats.url), ack_seconds=30)
        await HandOn(backlog, publisher).run(until_empty=True)

    asyncio.run(hand_on())

    async def bodies(client) -> list[int]:
        stream = client.jetstream()
        return [int((await stream.get_msg(STREAM, seq)).data) for seq in range(1, 61)]

    assert nats.run(bodies) == list(range(60))
    assert list(segments(world.root.raw)) == []


def test_what_was_converted_here_is_not_sent(tmp_path, command):
    world = World(tmp_path / "data")
    world.receive([submitted(PING, 1)])
    command("convert", "--data", str(world.root.path))

    assert Backlog(world.root).next() == []
    assert list(segments(world.root.raw))


def test_a_submission_that_is_too_large_for_the_broker_stays_in_raw(tmp_path, command):
    """And does not hold up the others."""
    with NatsServer(tmp_path / "nats", more="max_payload: 10000\n") as broker:
        broker.add_stream()
        world = World(tmp_path / "data")
        large = submitted(b"x" * 20_000, 1)
        backlog = backlog_of([large, submitted(b"2", 2)], [submitted(b"3", 3)], root=world.root)

        async def hand_on() -> None:
            publisher = NatsPublisher(parse_queue_url(broker.url), ack_seconds=30)
            await HandOn(backlog, publisher).run(until_empty=True)

        asyncio.run(hand_on())

        assert backlog.stuck_count == 1
        assert len(list(segments(world.root.raw))) == 1
        assert broker.ask(f"STREAM.INFO.{STREAM}")["state"]["messages"] == 2


def test_without_a_stream_raw_has_it(nats, tmp_path):
    url = nats.url.replace(f"/{STREAM}", "/OTHER")
    with running_server(tmp_path, "--no-reports", push_to=url) as server:
        assert post(server, 1) == 200
        assert in_raw(server)
        wait_for(lambda: state_of(server, "queue-push.json") == "away")


def test_a_full_stream_counts_as_away_until_it_has_room(nats, tmp_path):
    nats.add_stream(max_msgs=2, discard="new")
    with running_server(tmp_path, "--no-reports", push_to=nats.url) as server:
        wait_for(lambda: broker_of(server) == "ok")
        assert [post(server, number) for number in range(1, 6)] == [200] * 5
        assert in_raw(server)
        assert nats.ask(f"STREAM.INFO.{STREAM}")["state"]["messages"] == 2
        wait_for(lambda: state_of(server, "queue-push.json") == "away")
        nats.ask(
            f"STREAM.UPDATE.{STREAM}", {"name": STREAM, "subjects": [STREAM, f"{STREAM}.>"], "discard": "new"}
        )
        wait_for(lambda: nats.ask(f"STREAM.INFO.{STREAM}")["state"]["messages"] == 5)


def test_headers_that_do_not_fit_into_a_message_keep_it_in_raw(tmp_path):
    """The broker would end the connection."""
    with NatsServer(tmp_path / "nats", more="max_payload: 10000\n") as broker:
        broker.add_stream()
        publisher = NatsPublisher(parse_queue_url(broker.url), ack_seconds=30)

        async def taken() -> list[bool]:
            await publisher.open(lambda *_: None)
            while publisher.trouble:
                await asyncio.sleep(0.02)
            found = [
                publisher.takes(
                    record_of(
                        Submission(NOON, "/submit/telemetry/x", b"x" * size, headers={"date": "y" * length})
                    )
                )
                for size, length in ((9_000, 10), (9_000, 2_000), (100, 9_000), (10_001, 0))
            ]
            await publisher.close()
            return found

        assert asyncio.run(taken()) == [True, False, True, False]


def test_the_segments_of_a_long_outage_are_read_a_few_at_a_time(tmp_path):
    root = World(tmp_path / "data").root
    series = SegmentSeries(root.raw, worker=1, max_segment_age_seconds=0.0)
    for number in range(30):
        series.append([submitted(b"%d" % number, number)], day=NOON.date())
    series.seal()
    backlog = Backlog(root)

    assert len(list(segments(root.raw))) == 30
    seen = []
    while batch := backlog.next():
        assert len(batch) == 1
        seen += [int(waiting.submission.body) for waiting in batch]
        backlog.mark_handed_on(batch)
    assert seen == list(range(30))


def test_a_segment_is_removed_once_its_writer_has_sealed_it(tmp_path):
    """While it is open, submissions that were handed on stay in it, and are not sent again."""
    root = World(tmp_path / "data").root
    with SegmentSeries(root.raw, worker=1) as series:
        series.append([submitted(b"1", 1)], day=NOON.date())
        backlog = Backlog(root)
        backlog.mark_handed_on(backlog.next())

        assert list(backlog.next()) == []
        assert len(list(segments(root.raw))) == 1

    assert list(backlog.next()) == []
    assert list(segments(root.raw)) == []


@pytest.mark.parametrize(
    ("subjects", "found"),
    [
        (["S"], "S"),
        (["S", "S.>"], "S"),
        ([">"], "S"),
        (["*"], "S"),
        (["S.>"], "S.submission"),
        (["other", "S.*"], "S.submission"),
    ],
)
def test_the_subject_is_the_stream_or_below_it(subjects, found):
    assert subject_of("S", subjects) == found


def test_a_stream_without_such_a_subject_counts_as_away():
    with pytest.raises(BrokerAway, match="takes orders"):
        subject_of("S", ["orders"])


def test_without_kafka_raw_has_it(kafka, tmp_path):
    """Before the first connection, and after the broker has gone."""
    settings = {"push_to": kafka.url, "commit_timeout_seconds": "1"}
    with running_server(tmp_path, "--no-reports", **settings) as server:
        wait_for(lambda: broker_of(server) == "ok")
        assert post(server, 1) == 200
        assert not in_raw(server)
        kafka.end()
        assert [post(server, number) for number in (2, 3)] == [200] * 2
        assert in_raw(server)
        wait_for(lambda: broker_of(server) == "away")


class FatalError:
    """An error after which a producer of librdkafka never sends again."""

    def fatal(self) -> bool:
        return True

    def name(self) -> str:
        return "OUT_OF_ORDER_SEQUENCE_NUMBER"

    def str(self) -> str:
        return "out of order"


async def test_a_producer_is_replaced_as_soon_as_a_new_one_can_be_made(kafka, monkeypatch):
    """Until then the publisher says why it cannot send."""

    def refused(*_words):
        raise QueueRefused("no certificates")

    publisher = KafkaPublisher(parse_queue_url(kafka.url), ack_seconds=5)
    await publisher.open(lambda _record, _waiter, why: pytest.fail(why))
    try:
        await until(lambda: publisher.is_ready)
        with monkeypatch.context() as patched:
            patched.setattr(kafka_publisher, "new_client", refused)
            publisher._on_error(FatalError())
            await until(lambda: publisher.trouble == "no certificates")
        await until(lambda: publisher.is_ready)
        sent = asyncio.get_running_loop().create_future()
        publisher.send(record_of(Submission(NOON, "/submit/a", b"body")), FutureWaiter(sent))
        await asyncio.wait_for(sent, PATIENCE_SECONDS)
    finally:
        await publisher.close()
