"""Hostile text in every field that a client can send, printed by every command that shows it."""

import gzip
import io
import json
import logging

import orjson
import pytest

from histogram_specs.revision import Revision
from storage.raw.submission import Submission
from telemetry_server.cli.commands import tail
from telemetry_server.observability import logs
from telemetry_server.observability.events import PingQuarantined
from tests.support.data_root import DAY, NOON, World, a_ping, an_id

# A title, colours, DEL, C1, a bidirectional override and isolate, both separators, line ends, a tag.
EVIL = "\x1b]0;owned\x07\x1b[31m\x7f\x9b1m\x85\u202eevil\u2066\u200f\u2028\u2029\r\n\t\U000e0041"
# The part of it that HTTP allows in a header and in a target.
EVIL_HEADER = "\x7f\x9b1m\x85"
LONG = "n" * 100_000

STORED, LOST, BROKEN, UNKNOWN_REVISION, GENERIC, VIOLATION, BAD_PATH, TYPED = range(8)
HEADERS = {
    "user-agent": EVIL_HEADER,
    "x-debug-id": EVIL_HEADER,
    "x-source-tags": EVIL_HEADER,
    "date": EVIL_HEADER,
    "x-pingsender-version": EVIL_HEADER,
    "dnt": EVIL_HEADER,
}


def submission(ping: dict | bytes, number: int, *, path: str | None = None) -> Submission:
    body = ping if isinstance(ping, bytes) else orjson.dumps(ping)
    return Submission(
        received_at=NOON,
        path=path or f"/submit/telemetry/{an_id(number)}",
        body=gzip.compress(body),
        query=EVIL_HEADER,
        host=EVIL_HEADER,
        method="POST",
        headers=HEADERS,
    )


def hostile_pings() -> list[Submission]:
    evil_info = {
        "appName": EVIL,
        "appVersion": EVIL,
        "appUpdateChannel": EVIL,
        "appBuildID": EVIL,
        EVIL: EVIL,
    }
    stored = a_ping(STORED)
    stored["info"] |= {**evil_info, "OS": EVIL, "locale": EVIL, "revision": stored["info"]["revision"]}
    stored |= {EVIL: {EVIL: EVIL}, "clientID": EVIL, "metadata": {EVIL: EVIL}}
    lost = a_ping(LOST)
    flag = lost["histograms"]["PLAIN_FLAG"]
    lost["histograms"] = {EVIL: flag, LONG: flag, EVIL + "2": EVIL, "PLAIN_FLAG": {"values": {EVIL: 1}}}
    lost["keyedHistograms"] = {EVIL: {EVIL: flag}, "PLAIN_FLAG": {EVIL: flag}}
    lost["processes"] = {EVIL: {"histograms": {EVIL: {EVIL: EVIL}}}}
    elsewhere = a_ping(UNKNOWN_REVISION, revision=Revision("mozilla-central", "ffffffffffff"))
    elsewhere["info"] |= {"reason": EVIL, "appName": EVIL}
    generic = {
        "client_info": {"app_channel": EVIL, "app_display_version": EVIL, "app_build": EVIL, EVIL: EVIL}
    }
    violation = {"version": 4, "type": EVIL, "application": {EVIL: EVIL}, "payload": {}}
    typed = a_ping(TYPED)
    typed["info"] |= {"reason": EVIL}
    return [
        submission(stored, STORED),
        submission(lost, LOST),
        submission(b'{"' + EVIL.encode() + b'": ', BROKEN),
        submission(elsewhere, UNKNOWN_REVISION),
        submission(generic, GENERIC, path=f"/submit/garden/watering/1/{an_id(GENERIC)}"),
        submission(violation, VIOLATION),
        submission({}, BAD_PATH, path=f"/submit/telemetry/{an_id(BAD_PATH)}/{EVIL_HEADER}"),
        submission(typed, TYPED),
        submission(stored | {"again": EVIL}, STORED),
    ]


@pytest.fixture
async def world(tmp_path):
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    world.receive(hostile_pings())
    await world.convert()
    return world


@pytest.fixture
def look(world, command):
    """Run a command on the data root; its output must be safe for a terminal."""

    def run(*words: str, status: int = 0) -> str:
        out, err = command(*words, "--data", str(world.root.path), status=status)
        assert_safe(out.replace("\t", "") if words[0] == "cat" else out)
        assert_safe(err)
        return out

    return run


def assert_safe(text: str) -> None:
    for line in text.split("\n"):
        assert line.isprintable(), repr(line)[:500]


@pytest.mark.parametrize("store", ["raw", "converted", "quarantine"])
def test_cat_prints_client_text_escaped_and_exact(look, store):
    """Every value equals the one that was sent."""
    objects = [json.loads(line.split("\t", 1)[1]) for line in look("cat", store).splitlines()]

    assert any(_has(each, EVIL) for each in objects)
    if store != "converted":
        assert all(each["query"] == EVIL_HEADER for each in objects if "query" in each)


def _has(value: object, text: str) -> bool:
    if isinstance(value, dict):
        return text in value or any(_has(each, text) for each in value.values())
    return value == text


def test_explain_prints_text_of_clients_as_safe_single_lines(look):
    """Names, keys, process names, doctypes, paths, revisions."""
    for number in range(8):
        output = look("explain", an_id(number))
        exact = json.loads(look("explain", an_id(number), "--json"))

        assert max(map(len, output.splitlines())) < 2500
        assert exact["document_id"] == an_id(number)
    lost = json.loads(look("explain", an_id(LOST), "--json"))["dropped_histograms"]
    assert {EVIL, LONG} <= {each["name"] for each in lost}
    assert r"\x1b]0;owned\x07" in look("explain", an_id(LOST))


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_tail_prints_pings_with_hostile_names_as_safe_lines(look, monkeypatch, more):
    """The JSON has the exact names."""
    monkeypatch.setattr(tail, "LOOK_BACK_SECONDS", 1e9)
    monkeypatch.setattr(tail, "_is_read", lambda seconds: False)

    shown = look("tail", "--all", *more).splitlines()
    output = [line for line in shown if "conflict" not in line and "quarantined" not in line]

    assert len(output) == 5
    if more:
        assert any(json.loads(line)["app"] == EVIL for line in output)
    else:
        assert any(r"\x1b]0;owned\x07" in line for line in output)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("audit",), 0),
        (("audit", "--json"), 0),
        (("convert",), 0),
        (("convert", "--json"), 0),
        (("replay", "--dry-run"), 0),
        (("replay", "--dry-run", "--json"), 0),
        (("replay", "--reason", EVIL), 2),
        (("compact", "--date", DAY), 0),
        (("cat", "converted", "--where", f"{EVIL}=1"), 2),
        (("cat", "quarantine", "--where", f"histogram={EVIL}"), 0),
    ],
)
def test_commands_print_only_safe_text_about_hostile_pings(look, words, status):
    look(*words, status=status)


def test_convert_prints_only_safe_text_about_files(look, tmp_path):
    """About ids in a file, and about the name of the file."""
    name = tmp_path / "evil\x1b[31m\u202e.lines"
    name.write_bytes(
        EVIL_HEADER.encode() + b'\t{"ver":2,"info":{}}\n' + an_id(20).encode() + b'\t{"ver":2}\n'
    )
    look("convert", str(name))
    look("convert", str(tmp_path / "missing\x1b[31m"), status=4)
    look("convert", str(name), "--format", "packed", status=4)


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_doctypes_check_prints_only_safe_text(command, tmp_path, more):
    """About the doctype in the ping, its keys, and a body that is not JSON."""
    schema = {
        "type": "object",
        "properties": {"client_info": {"type": "object"}},
        "additionalProperties": False,
    }
    folder = tmp_path / "schemas/garden/watering"
    folder.mkdir(parents=True)
    (folder / "watering.1.schema.json").write_text(json.dumps(schema))
    words = ("--schemas-dir", str(tmp_path / "schemas"), *more)
    ping = tmp_path / "ping\x1b[31m.json"
    for content, asked, status in (
        ({EVIL: EVIL, LONG: 1}, ("--as", "garden/watering/1"), 1),
        ({"version": 4, "type": EVIL}, (), 1),
        ({"ver": 1, "info": {"reason": LONG + EVIL}}, (), 1),
        ([EVIL], ("--as", "garden/watering/1"), 4),
    ):
        ping.write_bytes(orjson.dumps(content))
        out, err = command("doctypes", "check", str(ping), *asked, *words, status=status)
        assert_safe(out)
        assert_safe(err)
        assert max(map(len, (out + err).splitlines())) < 2500


@pytest.mark.parametrize("human", [True, False])
def test_log_lines_contain_only_safe_text(human):
    """Those of the server and of libraries, on a terminal and as JSON."""
    stream = io.StringIO()
    logs.configure("info", stream, human)
    try:
        PingQuarantined(document_id=EVIL, reason="invalid_path", detail=EVIL + LONG).emit()
        logging.getLogger("storage.x").warning("revision %s", EVIL)
        logs.logger().info(EVIL, field={EVIL: [EVIL]})
    finally:
        logs.configure()

    text = stream.getvalue()
    assert text.count("\n") == 3
    assert_safe(text)
