"""A real Firefox with the configuration from ``point`` sends to a real server."""

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

from tests.support.independent_scan import hits
from tests.support.running_server import result_of, telemetry_server

pytestmark = pytest.mark.firefox

ROOT = Path(__file__).resolve().parents[2]
SESSION_SECONDS = 400
CANARY = "c0ffeec0-ffee-c0ff-eec0-ffeec0ffeec0"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """The data root after a Firefox sent to its server; FIREFOX may name the program."""
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
    """The stored records."""
    lines = telemetry_server("cat", "converted", "--data", str(data)).stdout.splitlines()
    return [json.loads(line.partition("\t")[2]) for line in lines]


def of_doctype(records: list[dict[str, Any]], namespace: str, doctype: str) -> list[dict[str, Any]]:
    return [
        record
        for record in records
        if (record["metadata"]["namespace"], record["metadata"]["doctype"]) == (namespace, doctype)
    ]


def test_everything_that_firefox_sends_is_stored_except_the_forbidden_client_id(data, records):
    """Every other submission is stored exactly once."""
    total = result_of("audit", "--data", str(data))["total"]

    assert total["stored"] == len(records) > 10
    assert total["received"] == total["stored"] + 1
    assert result_of("audit", "--data", str(data))["balanced"]


def test_legacy_and_glean_pings_arrive(records):
    """From both systems of Firefox."""
    seen = Counter((r["metadata"]["namespace"], r["metadata"]["doctype"]) for r in records)

    for doctype in ("new-profile", "first-shutdown", "main", "event", "custom-garden"):
        assert seen["telemetry", doctype] >= 1, doctype
    for doctype in ("baseline", "health", "events", "deletion-request"):
        assert seen["firefox-desktop", doctype] >= 1, doctype


@pytest.mark.parametrize("doctype", ["main", "first-shutdown"])
def test_histograms_are_packed_with_the_definitions_that_they_carry(records, doctype):
    """A revision server cannot be reached from the namespace."""
    (main, *_) = of_doctype(records, "telemetry", doctype)
    histograms = main["payload"]["histograms"]

    assert main["metadata"]["revision_source"] == "self_described"
    assert main["version"] == 5
    assert main["info"]["appName"] == "Firefox"
    assert len(histograms) > 5
    assert all(isinstance(row, list) for row in histograms.values())
    assert "dropped_histograms" not in main["metadata"]


def test_an_event_is_stored_as_sent(records):
    """The enrolment in a study."""
    events = [
        event
        for record in of_doctype(records, "telemetry", "event")
        for event in record["payload"]["events"].get("parent", [])
    ]

    assert ["normandy", "enroll", "nimbus_experiment", "study-a"] in [event[1:5] for event in events]


@pytest.mark.parametrize("carrier", ["event", "glean"])
def test_a_preference_study_is_entered_and_left(data, carrier):
    """By Firefox's own code: both carriers have the enrolment and its end, and the page shows them."""
    found = result_of("normandy", "studies", "--carrier", carrier, "--data", str(data))
    (study,) = [row for row in found["studies"] if row["study"] == "tulips"]

    assert (study["object"], study["enrolled"], study["unenrolled"]) == ("preference_study", 1, 1)
    assert study["reasons"] == {"recipe-not-seen": 1}
    assert [branch["branch"] for branch in study["branches"]] == ["control"]
    assert study["reset_share"]["value"] == 1
    assert found["anomalies"] == {}


def test_a_custom_ping_has_no_client(records):
    """It is stored without one, and its scalars stay in their place."""
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
    # The client's other pings may have its id; nothing of this ping has it.
    of_ping = [line for line in places_of(data) if refused["document_id"].encode() in line]
    assert of_ping
    assert not any(sent["clientId"].encode() in line for line in of_ping)
    for line in places_of(data, "quarantine"):
        assert sent["clientId"].encode() not in line
    assert sent["clientId"] not in (data.parent / "server.log").read_text()


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


def test_the_system_is_stored_in_the_same_way_for_both(records):
    """For legacy and Glean pings; the User-Agent is not stored."""
    for record in records:
        metadata = record["metadata"]
        assert "user_agent" not in metadata["header"]
        assert metadata["user_agent"]["browser"] == "Firefox"
        if record.get("client_info") or record.get("application"):
            assert metadata["normalized_os"] == "Linux"


def test_an_opt_out_is_a_deletion_order(records):
    """For the client id of its pings."""
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


def test_the_opt_out_of_firefox_is_an_order_that_leaves_nothing_of_its_clients(data, records, tmp_path):
    """Both requests, of Telemetry and of Glean, with their own ids and the old ones."""
    root = tmp_path / "data"
    shutil.copytree(data, root)
    requests = [record for record in records if record["metadata"]["doctype"] == "deletion-request"]
    ids = {each for record in requests for each in record["metadata"]["deletion_order"]["ids"]} - {CANARY}
    assert ids

    report = result_of("forget", "--orders", "--data", str(root))

    assert report["orders"]
    assert report["scan"]["hits"] == {}
    assert hits(root, ids) == {}
    audited = result_of("audit", "--data", str(root))
    assert audited["balanced"]
    assert audited["total"]["deleted"] > len(ids)
