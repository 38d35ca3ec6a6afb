"""`pull`, from a real NATS server and from librdkafka's mock broker."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from telemetry_server.queue import nats_source
from tests.queue.test_message_forms import bagheera, field
from tests.support.brokers import STREAM, free_port
from tests.support.data_root import an_id

PING = b'{"ver": 1, "info": {"reason": "idle-daily", "appName": "Firefox", "appVersion": "25.0"}}'
AT = "2026-11-27T23:59:59.123456Z"


def headers(number: int, **more: str) -> dict[str, str]:
    return {"path": f"/submit/telemetry/{an_id(number)}", "received_at": AT, **more}


def pulled(command, url: str, data: str, *words: str, status: int = 0) -> dict[str, int]:
    out, _ = command("pull", "--from", url, "--once", "--json", "--data", data, *words, status=status)
    return json.loads(out) if out else {}


def books(command, data: str) -> dict[str, int]:
    command("convert", "--data", data)
    out, _ = command("audit", "--json", "--data", data)
    found = json.loads(out)
    assert found["balanced"]
    return {name: count for name, count in found["total"].items() if count}


@pytest.fixture
def data(tmp_path) -> str:
    return str(tmp_path / "data")


def test_what_the_queue_has_is_stored_once(broker, command, data):
    """With the time of its header, to the microsecond; repeats of an id are duplicates."""
    broker.publish([(STREAM, PING, headers(number)) for number in (1, 2, 3, 2)])

    assert pulled(command, broker.url, data)["received"] == 4
    assert books(command, data) == {"received": 4, "stored": 3, "duplicate": 1}
    lines, _ = command("cat", "converted", "--data", data, "--date", "20261127")
    records = [json.loads(line.split("\t")[1]) for line in lines.splitlines()]
    assert {record["metadata"]["submission_timestamp"] for record in records} == {AT}


def test_a_second_pull_continues_after_the_first(broker, command, data):
    broker.publish([(STREAM, PING, headers(number)) for number in (1, 2)])
    pulled(command, broker.url, data)
    broker.publish([(STREAM, PING, headers(3))])

    assert pulled(command, broker.url, data)["received"] == 1
    assert pulled(command, broker.url, data)["received"] == 0
    assert books(command, data) == {"received": 3, "stored": 3}


def test_each_data_root_gets_everything(broker, command, tmp_path):
    broker.publish([(STREAM, PING, headers(number)) for number in (1, 2)])

    for name in ("one", "two"):
        assert pulled(command, broker.url, str(tmp_path / name))["received"] == 2


FORMS = {
    "headers": (("--message", "headers"), PING, headers(1), STREAM),
    "bagheera": (("--message", "bagheera"), bagheera(n5=PING), {}, STREAM),
    "bare": (("--message", "bare", "--path-template", "/submit/telemetry/{key}"), PING, {}, an_id(1)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_message_is_stored(form, broker, command, data):
    """The key of a NATS message is the last word of its subject."""
    words, body, given, key = FORMS[form]
    subject = f"{STREAM}.{key}" if broker.url.startswith("nats") and form == "bare" else key
    broker.publish([(subject, body, given)])
    pulled(command, broker.url, data, *words)

    assert books(command, data) == {"received": 1, "stored": 1}
    out, _ = command("explain", an_id(1), "--json", "--data", data)
    assert json.loads(out)["outcome"] == "stored"


POISON = {
    "no path": ((), PING, {}, "invalid_path", "no header `path`"),
    "no protobuf": (("--message", "bagheera"), b"{}", {}, "invalid_path", "not a message of Bagheera"),
    "cut protobuf": (
        ("--message", "bagheera"),
        field(2, b"telemetry")[:-1],
        {},
        "invalid_path",
        "ends inside field 2",
    ),
    "no UUID": (("--message", "bare"), PING, {}, "invalid_document_id", ""),
    "no JSON": ((), b"{", headers(1), "invalid_json", ""),
}


@pytest.mark.parametrize("case", POISON)
def test_a_poison_message_goes_to_quarantine_with_place_and_reason(case, broker, command, data):
    """And the next message is stored."""
    words, body, given, reason, detail = POISON[case]
    good = {"bagheera": (bagheera(n5=PING, n3=an_id(9).encode()), {}), "bare": (PING, {})}
    form = words[1] if words else "headers"
    sane_body, sane_headers = good.get(form, (PING, headers(9)))
    sane_key = an_id(9)
    prefix = f"{STREAM}." if broker.url.startswith("nats") else ""
    broker.publish([(f"{prefix}poison", body, given), (f"{prefix}{sane_key}", sane_body, sane_headers)])
    pulled(command, broker.url, data, *words)

    assert books(command, data) == {"received": 2, "stored": 1, "quarantined": 1}
    out, _ = command("cat", "quarantine", "--data", data)
    line = json.loads(out.split("\t")[1])
    assert line["reason"] == reason
    assert detail in line["detail"]
    assert "@" in line["place"]
    if reason == "invalid_path":
        assert line["place"] in line["detail"]


@pytest.mark.parametrize(("scheme", "module"), [("nats", "nats"), ("kafka", "confluent_kafka")])
def test_without_a_broker_once_ends_with_5(scheme, module, command, data, monkeypatch):
    pytest.importorskip(module)
    monkeypatch.setattr("telemetry_server.queue.puller.TRIES_ONCE", 1)
    url = f"{scheme}://ada:secret@127.0.0.1:{free_port()}/T"
    _, said = command("pull", "--from", url, "--once", "--data", data, status=5)

    assert "the broker is away" in said
    assert "secret" not in said


def test_without_a_stream_it_says_so(nats, command, data):
    _, said = command(
        "pull", "--from", nats.url.replace(f"/{STREAM}", "/OTHER"), "--once", "--data", data, status=78
    )

    assert "stream not found" in said


SETTINGS = {
    "no URL": (("pull", "--once"), {}, "no queue is named"),
    "no broker's URL": (("pull", "--once", "--from", "http://x/y"), {}, "not a URL of a queue"),
    "both directions": (
        ("serve",),
        {"PULL_FROM": "nats://h/S", "PUSH_TO": "nats://h/S"},
        "pull_from and push_to",
    ),
    "no share": (("pull", "--once", "--share", "3/2"), {}, "share"),
    "no template": (("pull", "--once", "--path-template", "/x"), {}, "{key}"),
    "no port": (("pull", "--once", "--from", "nats://h:99999/S"), {}, "the port must be a number"),
    "no CA file": (
        ("pull", "--once", "--from", "nats://h/S"),
        {"QUEUE_CA_FILE": "/nowhere"},
        "configuration: queue_ca_file: /nowhere is not a file",
    ),
    "no certificate": (
        ("pull", "--once", "--from", "kafka://h/T"),
        {"QUEUE_CA_FILE": __file__},
        "is not a file of certificates",
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_a_wrong_setting_is_one_line_and_78(case, command, data, monkeypatch):
    words, environment, text = SETTINGS[case]
    for name, value in environment.items():
        monkeypatch.setenv(f"TELEMETRY_{name}", value)
    _, said = command(*words, "--data", data, status=78)

    assert text in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("command_name", ["pull", "serve"])
def test_a_data_root_cannot_pull_from_itself(command_name, command, tmp_path, monkeypatch):
    """Each submission would be received twice."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "data")
    monkeypatch.setenv("TELEMETRY_PULL_FROM", f"file://{link}")
    _, said = command(command_name, "--data", str(tmp_path / "data"), status=78)

    assert f"file://{link} is this data root itself" in said
    assert said.count("\n") == 1


def test_an_extra_that_is_missing_is_named(command, data, monkeypatch):
    monkeypatch.setattr("telemetry_server.composition.queue.find_spec", lambda name: None)
    _, said = command("pull", "--from", "kafka://h/T", "--once", "--data", data, status=78)

    assert "pip install 'telemetry-server[kafka]'" in said


def test_messages_that_were_removed_unread_are_an_error_until_it_is_accepted(nats, command, data):
    """Never a silent jump."""
    nats.publish([(STREAM, PING, headers(1))])
    pulled(command, nats.url, data)
    nats.publish([(STREAM, PING, headers(number)) for number in (2, 3, 4)])
    nats.ask(f"STREAM.PURGE.{STREAM}", {"seq": 4})
    _, said = command("pull", "--from", nats.url, "--once", "--data", data, status=4)

    assert "the stream has the messages 4 to 4, and 2 is next" in said
    assert pulled(command, nats.url, data, "--accept-gap")["received"] == 1
    assert books(command, data) == {"received": 2, "stored": 2}


def test_a_stream_that_was_made_again_is_read_from_its_beginning(nats, command, data):
    nats.publish([(STREAM, PING, headers(number)) for number in (1, 2)])
    pulled(command, nats.url, data)
    nats.add_stream()
    nats.publish([(STREAM, PING, headers(3))])

    assert pulled(command, nats.url, data)["received"] == 1


def test_a_restored_data_root_continues_where_the_backup_was_made(nats, command, data, tmp_path):
    nats.publish([(STREAM, PING, headers(number)) for number in (1, 2)])
    pulled(command, nats.url, data)
    command("convert", "--data", data)
    command("backup", str(tmp_path / "backup.tar"), "--data", data)
    restored = str(tmp_path / "restored")
    command("restore", str(tmp_path / "backup.tar"), "--data", restored)
    nats.publish([(STREAM, PING, headers(3))])

    assert pulled(command, nats.url, restored)["received"] == 1
    assert books(command, restored) == {"received": 3, "stored": 3}


def test_a_bare_message_may_have_the_time_in_a_header(broker, command, data):
    key = f"{STREAM}.{an_id(1)}" if broker.url.startswith("nats") else an_id(1)
    broker.publish([(key, PING, {"received_at": AT})])
    pulled(command, broker.url, data, "--message", "bare")
    out, _ = command("cat", "raw", "--data", data)

    assert json.loads(out.split("\t")[1])["received_at"] == AT


@pytest.mark.parametrize("retention", ["limits", "workqueue"])
def test_the_broker_is_told_only_after_the_commit(nats, command, data, retention, monkeypatch):
    """A disk that refuses leaves all messages unacknowledged."""
    nats.add_stream(retention=retention)
    nats.publish([(STREAM, PING, headers(number)) for number in (1, 2)])
    monkeypatch.setenv("TELEMETRY_MIN_FREE_BYTES", "900TB")
    command("pull", "--from", nats.url, "--once", "--data", data, status=5)
    (consumer,) = nats.ask(f"CONSUMER.LIST.{STREAM}")["consumers"]
    assert consumer["ack_floor"]["stream_seq"] == 0

    monkeypatch.delenv("TELEMETRY_MIN_FREE_BYTES")
    assert pulled(command, nats.url, data)["received"] == 2
    (consumer,) = nats.ask(f"CONSUMER.LIST.{STREAM}")["consumers"]
    assert consumer["ack_floor"]["stream_seq"] == 2
    messages = nats.ask(f"STREAM.INFO.{STREAM}")["state"]["messages"]
    assert messages == (0 if retention == "workqueue" else 2)


def test_a_stream_that_forgets_is_refused(nats, command, data):
    nats.add_stream(retention="interest")
    _, said = command("pull", "--from", nats.url, "--once", "--data", data, status=78)

    assert "interest" in said


def test_two_data_roots_share_one_stream(broker, command, tmp_path):
    """Repeats meet in the same data root, so each id is stored once over both."""
    numbers = [*range(1, 41), *range(1, 41)]
    broker.publish([(STREAM, PING, headers(number)) for number in numbers])
    total: dict[str, int] = {}
    for share in ("1/2", "2/2"):
        data = str(tmp_path / share[0])
        counts = pulled(command, broker.url, data, "--share", share)
        assert counts["received"] + counts["left_to_others"] == 80
        for name, count in books(command, data).items():
            total[name] = total.get(name, 0) + count

    assert total == {"received": 80, "stored": 40, "duplicate": 40}


def test_raw_submissions_of_other_data_roots_are_shared(command, tmp_path):
    """Over two edges that do not convert, which get a part of the repeats each."""
    from tests.support.data_root import World, submitted

    at = datetime(2026, 11, 27, 23, 59, 59, 123456, tzinfo=UTC)
    edges = [World(tmp_path / f"edge{number}") for number in (1, 2)]
    for number, edge in enumerate(edges):
        edge.receive(
            [submitted(PING, each, at=at + timedelta(hours=each)) for each in range(number * 10, 30)]
        )
    total: dict[str, int] = {}
    for share in ("1/2", "2/2"):
        data = str(tmp_path / share[0])
        words = [word for edge in edges for word in ("--from", f"file://{edge.root.path}")]
        for _ in range(2):
            command("pull", *words, "--once", "--share", share, "--data", data)
        for name, count in books(command, data).items():
            total[name] = total.get(name, 0) + count

    assert total == {"received": 50, "stored": 30, "duplicate": 20}


def test_one_connection_serves_many_requests_for_messages(nats, command, data, monkeypatch):
    """The broker reports the end of each request; the connection stays open."""
    made = []
    connect = nats_source.connected

    async def connected(*args):
        made.append(args)
        return await connect(*args)

    monkeypatch.setattr(nats_source, "connected", connected)
    monkeypatch.setattr(nats_source, "REQUEST_MESSAGES", 3)
    nats.publish([(STREAM, PING, headers(number)) for number in range(20)])

    assert pulled(command, nats.url, data)["received"] == 20
    assert len(made) == 1
