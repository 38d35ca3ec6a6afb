"""Client addresses are kept only if the settings ask for them, and clients cannot forge log lines."""

import gzip
import re
from pathlib import Path

import orjson
import pytest

from storage.partitions.frames import read_lines
from tests.attacks.test_mutated_bodies import ended, scrape
from tests.support.data_root import a_ping, an_id
from tests.support.edges import RunningServer, a_request, kept_in, running_server
from tests.support.running_server import telemetry_server
from tests.support.waiting import wait_for

# Documentation addresses (RFC 5737, 3849); SECRETS holds the prefixes that survive truncation.
FORWARDED = "203.0.113.77, 198.51.100.88"
HEADERS = {
    "X-Forwarded-For": FORWARDED,
    "X-Real-IP": "203.0.113.77",
    "Forwarded": 'for=203.0.113.77;by="[2001:db8::77]"',
    "True-Client-IP": "203.0.113.77",
    "CF-Connecting-IP": "203.0.113.77",
    "Via": "1.1 203.0.113.77",
    "From": "somebody@example.org",
    "Cookie": "session=secret-77",
    "Authorization": "Bearer secret-77",
    "Referer": "http://203.0.113.77/secret-77",
    "Origin": "http://203.0.113.77",
}
SECRETS = (b"203.0.113.", b"198.51.100.", b"2001:db8::77", b"secret-77", b"somebody@example.org")
FORGED = '\r\n{"Type":"forged"}\x1b[31m\u2028'


@pytest.fixture(scope="module", autouse=True)
def has_fast_lane() -> None:
    """Replace the fixture that runs each test twice: tests/edge compares the kept headers of both paths."""


def everything_under(root: Path) -> dict[Path, bytes]:
    """Return the content of every file, compressed files unpacked."""
    found = {}
    for path in root.rglob("*"):
        if path.suffix == ".zst":
            with path.open("rb") as file:
                found[path] = b"\n".join(read_lines(file, path.stat().st_size))
        elif path.is_file():
            found[path] = path.read_bytes()
    return found


def send_some(server: RunningServer) -> int:
    """Send pings that are stored, quarantined and refused, all with HEADERS; return how many are kept."""
    good = orjson.dumps({"ver": 1, "info": {"reason": "idle-daily", "appName": "Firefox"}, "histograms": {}})
    bad = orjson.dumps(a_ping(2) | {"info": {"revision": FORGED, "reason": FORGED, "appName": FORGED}})
    bodies = (good, gzip.compress(good), bad, b"not JSON" + FORGED.encode(), b"\x1f\x8bxx", b"")
    for number, body in enumerate(bodies):
        path = f"/submit/telemetry/{an_id(number)}?ip={number}"
        (answer,) = server.talk(a_request(body, path=path, headers=HEADERS), half_close=True)
        assert answer.status == 200
    for path in (
        "/submit/%0d%0a%7b%22Type%22:%22forged%22%7d",
        f"/submit/telemetry/{an_id(9)}/a/b/c/d/%1b%5b31m",
    ):
        (answer,) = server.talk(a_request(good, path=path, headers=HEADERS), half_close=True)
        assert answer.status == 200
    for refused in (
        a_request(good, path="/nowhere", headers=HEADERS),
        a_request(b"x" * (1 << 20) + b"x", headers=HEADERS),
        a_request(good, headers=HEADERS | {"User-Agent": "a" * 2000}),
        b"POST /submit/x HTTP/1.1\r\nHost: a\r\nX-Real-IP: 203.0.113.77\r\nContent-Length: -1\r\n\r\n",
    ):
        for answer in server.talk(refused, half_close=True):
            assert answer.status >= 400
            assert not any(secret in answer.body for secret in SECRETS)
    return len(bodies) + 2


@pytest.mark.parametrize("hops", ["0", "2"])
def test_no_address_is_kept_logged_or_counted(tmp_path, hops):
    """Raw store, records, quarantine, ledger, log, metrics and output of commands hold no client address."""
    environment = {"TELEMETRY_REVISION_OFFLINE": "true", "TELEMETRY_TRUSTED_HOPS": hops}
    with running_server(tmp_path, environment=environment) as server:
        count = send_some(server)
        wait_for(lambda: ended(scrape(server)) >= count)
        text = scrape(server)
        assert server.stop() == 0
    places = everything_under(server.data)
    places[Path("log")] = server.log().encode()
    places[Path("metrics")] = text.encode()
    for words in (("cat", "raw"), ("cat", "quarantine"), ("cat", "converted"), ("explain", an_id(2))):
        done = telemetry_server(*words, "--data", str(server.data))
        places[Path(" ".join(words))] = (done.stdout + done.stderr).encode()

    assert len(kept_in(server.data / "raw")) == count
    assert any(b"idle-daily" in data for path, data in places.items() if path.suffix == ".zst")
    for path, data in places.items():
        for secret in (*SECRETS, b"127.0.0.1" if path.parts[0] not in ("log", "metrics") else SECRETS[0]):
            assert secret not in data, path
    peers = re.findall(r"127\.0\.0\.1:(\d+)", server.log())
    assert set(peers) <= {str(server.port)}


@pytest.mark.parametrize(
    ("hops", "kept"),
    [("0", "127.0.0.0"), ("1", "198.51.100.0"), ("2", "203.0.113.0"), ("3", "203.0.113.0")],
)
def test_a_truncated_address_is_taken_from_the_trusted_hop(tmp_path, hops, kept):
    """If the settings ask for it, a /24 is kept in raw; no header is kept and no record has the address."""
    environment = {
        "TELEMETRY_REVISION_OFFLINE": "true",
        "TELEMETRY_CLIENT_ADDRESS": "truncated",
        "TELEMETRY_TRUSTED_HOPS": hops,
    }
    with running_server(tmp_path, environment=environment) as server:
        count = send_some(server)
        wait_for(lambda: ended(scrape(server)) >= count)
        assert server.stop() == 0
    submissions = kept_in(server.data / "raw")

    assert {submission.client_address for submission in submissions} == {kept}
    for path, data in everything_under(server.data).items():
        assert b"203.0.113.77" not in data, path
        assert b"198.51.100.88" not in data, path
        if "converted" in path.parts:
            assert kept.encode() not in data, path


def test_clients_cannot_forge_a_log_line(tmp_path):
    """Each log line is one JSON object of the server; control characters are escaped."""
    with running_server(tmp_path, environment={"TELEMETRY_REVISION_OFFLINE": "true"}) as server:
        count = send_some(server)
        wait_for(lambda: ended(scrape(server)) >= count)
        assert server.stop() == 0
    log = server.log()
    lines = [line for line in log.splitlines() if line.startswith("{")]

    assert lines
    assert "forged" not in {orjson.loads(line)["Type"] for line in lines}
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u2029]", log)
    for line in log.splitlines():
        assert line.startswith(("{", "Listening on", "  ")), line
