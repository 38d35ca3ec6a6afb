"""A real Firefox, aimed by what ``point`` prints, against a real server."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from tests.support.running_server import result_of, telemetry_server

pytestmark = pytest.mark.firefox

ROOT = Path(__file__).resolve().parents[2]
SESSION_SECONDS = 400


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """The data root of a server that a Firefox was run against; FIREFOX names one that is not on the path."""
    program = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("needs Firefox: apt-get install firefox-esr, or its path in FIREFOX")
    alone = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("needs unshare and the right to a network namespace")
    folder = tmp_path_factory.mktemp("firefox")
    session = [*alone, sys.executable, "-m", "tests.clients.firefox_session", program, str(folder)]
    done = subprocess.run(
        session, cwd=ROOT, capture_output=True, text=True, timeout=SESSION_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "data"


@pytest.fixture(scope="module")
def records(data) -> list[dict[str, Any]]:
    """What was stored."""
    lines = telemetry_server("cat", "converted", "--data", str(data)).stdout.splitlines()
    return [json.loads(line.partition("\t")[2]) for line in lines]


def of_doctype(records: list[dict[str, Any]], namespace: str, doctype: str) -> list[dict[str, Any]]:
    return [
        record
        for record in records
        if (record["metadata"]["namespace"], record["metadata"]["doctype"]) == (namespace, doctype)
    ]


def test_nothing_is_refused_but_the_client_id_that_a_store_forbids(data, records):
    """Every other submission was stored, and once."""
    total = result_of("audit", "--data", str(data))["total"]

    assert total["stored"] == len(records) > 10
    assert total["received"] == total["stored"] + 1
    assert result_of("audit", "--data", str(data))["balanced"]


def test_both_of_its_telemetries_arrive(records):
    """The old one's pings, and Glean's."""
    seen = Counter((r["metadata"]["namespace"], r["metadata"]["doctype"]) for r in records)

    for doctype in ("new-profile", "first-shutdown", "main", "event", "custom-garden"):
        assert seen["telemetry", doctype] >= 1, doctype
    for doctype in ("baseline", "health", "events", "deletion-request"):
        assert seen["firefox-desktop", doctype] >= 1, doctype


@pytest.mark.parametrize("doctype", ["main", "first-shutdown"])
def test_its_histograms_are_packed_by_what_they_say_of_themselves(records, doctype):
    """No server of revisions can be reached in there."""
    (main, *_) = of_doctype(records, "telemetry", doctype)
    histograms = main["payload"]["histograms"]

    assert main["metadata"]["revision_source"] == "self_described"
    assert main["version"] == 5
    assert main["info"]["appName"] == "Firefox"
    assert len(histograms) > 5
    assert all(isinstance(row, list) for row in histograms.values())
    assert "dropped_histograms" not in main["metadata"]


def test_an_event_is_kept_as_it_was_sent(records):
    """A study's enrolment."""
    events = [
        event
        for record in of_doctype(records, "telemetry", "event")
        for event in record["payload"]["events"].get("parent", [])
    ]

    assert ["normandy", "enroll", "nimbus_experiment", "study-a"] in [event[1:5] for event in events]


def test_a_custom_ping_names_no_client(records):
    """And is asked for none; its scalars stand where they stood."""
    (custom,) = of_doctype(records, "telemetry", "custom-garden")

    assert "clientId" not in custom
    assert "client_id" not in custom["metadata"]
    assert custom["payload"] == {"custom": "free text", "scalars": {"parent": {"garden.litres": 7}}}


def test_the_client_id_of_a_custom_ping_is_nowhere_but_in_raw(data, records):
    """The ping without one is stored, the other is in quarantine without it."""
    shown = telemetry_server("cat", "quarantine", "--data", str(data)).stdout
    (line,) = shown.splitlines()
    refused = json.loads(line.partition("\t")[2])
    (stored,) = of_doctype(records, "telemetry", "custom-secret")
    whole = telemetry_server(
        "cat", "raw", "--identities", "--where", f"document_id={refused['document_id']}", "--data", str(data)
    ).stdout
    sent = json.loads(whole.partition("\t")[2])["body"]

    assert refused["reason"] == "privacy_violation"
    assert refused["body"]["payload"] == stored["payload"]
    assert len(sent["clientId"]) == 36
    assert "clientId" not in refused["body"]
    # The same client's other pings may say who sent them; nothing of this ping does.
    of_ping = [line for line in places_of(data) if refused["document_id"].encode() in line]
    assert of_ping
    assert not any(sent["clientId"].encode() in line for line in of_ping)
    for line in places_of(data, "quarantine"):
        assert sent["clientId"].encode() not in line


def places_of(data: Path, *stores: str) -> list[bytes]:
    """Every line of the files outside of raw/, decompressed, with each file that is not compressed as one."""
    lines = []
    for store in stores or ("converted", "quarantine", "state", "tables"):
        for path in (data / store).rglob("*"):
            if path.is_file():
                lines += decompressed(path.read_bytes()).splitlines()
    return lines


def decompressed(content: bytes) -> bytes:
    """The frames of a zstd file as one text; other files as they are."""
    if not content.startswith(b"\x28\xb5\x2f\xfd"):
        return content
    text = b""
    while content:
        decompressor = zstd.ZstdDecompressor()
        text += decompressor.decompress(content)
        content = decompressor.unused_data
    return text


def test_what_it_says_of_its_system_is_told_the_same_way(records):
    """By both telemetries; the User-Agent has gone."""
    for record in records:
        metadata = record["metadata"]
        assert "user_agent" not in metadata["header"]
        assert metadata["user_agent"]["browser"] == "Firefox"
        if record.get("client_info") or record.get("application"):
            assert metadata["normalized_os"] == "Linux"


def test_an_opt_out_is_an_order(records):
    """For the client id that its pings had."""
    orders = [
        record["metadata"]["deletion_order"]
        for record in records
        if record["metadata"]["doctype"] == "deletion-request"
    ]
    clients = {record["metadata"].get("client_id") for record in records}

    assert orders
    for order in orders:
        assert order["ids"]
        assert order["ids"][0] in clients
