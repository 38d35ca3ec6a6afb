"""Real pings: what is kept and dropped of them is counted again here, in the plainest way."""

import base64
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import Stored
from tests.convert.payloads.samples import (
    TELEMETRY_PATH,
    a_context,
    a_submission,
    dropped,
    record_of,
    refused,
    stored,
)
from tests.support.shared_data import shared_data

FIREFOX_23 = ("probes", "telemetry-server-ff23-a55c55edf302", "Histograms.json")
GECKO_56 = ("probes", "gecko-56.0a1-33ce52b7c7ea", "Histograms.json")
REVISION_48 = "mozilla-central/5e14887312d4523ab59c3f6c6c94a679cf42b496"
REVISION_54 = "mozilla-central/71224049c0b52ab190564d3ea0eab089a159a4cf"


def read_json(*parts: str) -> Any:
    """A JSON file of the shared data, gzip or not."""
    text = shared_data(*parts).read_bytes()
    return json.loads(gzip.decompress(text) if text.startswith(b"\x1f\x8b") else text)


def record_of_packed_log() -> tuple[str, bytes]:
    """Path and body of the one record of telemetry1.log: SEP, two lengths, a time, path, body."""
    log = shared_data("pings", "classic-v1", "telemetry1.log").read_bytes()
    path_length = int.from_bytes(log[1:3], "little")
    body_length = int.from_bytes(log[3:7], "little")
    start = 15 + path_length
    return log[15:start].decode(), log[start : start + body_length]


def test_a_ping_of_firefox_23_loses_two_of_its_328_histograms(tmp_path):
    """They are not in its definitions; what is defined by a C++ constant is kept."""
    context = a_context(tmp_path, shared_data(*FIREFOX_23).read_bytes())
    path, body = record_of_packed_log()

    outcome = convert(a_submission(body, "/submit/telemetry/" + path), context)

    assert stored(outcome).histograms_kept == 326
    assert record_of(outcome)["histograms"]["GC_REASON_2"][36:51] == [
        *(0, 103, 5, 0, 0, 43, 0, 49, 3, 0, 0, 0, 1187, 1398, 0)
    ]
    assert {histogram.name: histogram.reason.value for histogram in stored(outcome).dropped} == {
        "HTTP_OFFLINE_CACHE_DOCUMENT_LOAD": "unknown_histogram",
        "MIXED_CONTENT_PAGE_LOAD": "unknown_histogram",
    }
    assert stored(outcome).dimensions == ("idle_daily", "Firefox", "release", "23.0.1", "20130814063812")


def test_rows_hold_the_values_in_the_buckets_of_the_original_server(tmp_path):
    """By the bucket sets that the original computed for that revision."""
    context = a_context(tmp_path, shared_data(*FIREFOX_23).read_bytes())
    computed = read_json("probes", "telemetry-server-ff23-a55c55edf302", "computed-buckets.json")[
        "histograms"
    ]
    path, body = record_of_packed_log()
    sent = json.loads(gzip.decompress(body))["histograms"]

    rows = record_of(convert(a_submission(body, "/submit/telemetry/" + path), context))["histograms"]

    summary = ("sum", "log_sum", "log_sum_squares", "sum_squares_lo", "sum_squares_hi")
    for name, row in rows.items():
        # The original's histogram service left out what has a symbolic count.
        starts = computed[name]["buckets"] if name != "GC_REASON_2" else list(range(101))
        assert row[: len(starts)] == [sent[name]["values"].get(str(start), 0) for start in starts], name
        assert row[len(starts) :] == [sent[name].get(field, -1) for field in summary], name


def plain_and_keyed(payload: Any) -> Counter[tuple[str, bool]]:
    """How often each name stands in a unified payload, plain and keyed."""
    found: Counter[tuple[str, bool]] = Counter()
    for place in (payload, *payload.get("processes", {}).values()):
        for name in place.get("histograms", {}):
            found[name, False] += 1
        for name, by_key in place.get("keyedHistograms", {}).items():
            found[name, True] += len(by_key)
    return found


@pytest.mark.parametrize(
    ("file", "revision"),
    [("main-48.0a1-gather-payload.json.gz", REVISION_48), ("main-54.0a1-shutdown.heka.json", REVISION_54)],
)
def test_unified_pings_against_later_definitions_lose_what_those_do_not_have(tmp_path, file, revision):
    """Kept is what they define; in these two pings nothing else is wrong."""
    definitions = read_json(*GECKO_56)
    context = a_context(tmp_path, shared_data(*GECKO_56).read_bytes(), revision=revision)
    ping = read_json("pings", "unified-v4", file)

    def is_defined(name: str) -> bool:
        return name in definitions or name.removeprefix("STARTUP_") in definitions

    expected = Counter()
    for (name, is_keyed), count in plain_and_keyed(ping["payload"]).items():
        if not is_defined(name):
            expected["unknown_histogram"] += count
        elif is_keyed != bool(definitions.get(name, {}).get("keyed", False)):
            expected["malformed"] += count
        else:
            expected["kept"] += count
    outcome = convert(a_submission(shared_data("pings", "unified-v4", file).read_bytes()), context)

    assert dropped(outcome) + Counter(kept=stored(outcome).histograms_kept) == +expected
    assert expected["kept"] > 400


# Every file of pings/: its path, and its outcome without definitions.
FILES = [
    ("classic-v1/telemetry1.record0.json", "unknown_revision"),
    ("classic-v1/firefox-18.0.1.invalid-utf8.json", "invalid_json"),
    ("classic-v1/akela-telemetry-2011.json", "missing_revision"),
    ("unified-v4/main-48.0a1-gather-payload.json.gz", "unknown_revision"),
    ("unified-v4/main-54.0a1-shutdown.heka.json", "unknown_revision"),
    ("unified-v4/crash-69.0b3.heka.json", "stored"),
    # A submission wrapped in what a later pipeline knew of it.
    ("unified-v4/crash-tbv.json", "unknown_version"),
]


@pytest.mark.parametrize(("file", "expected"), FILES)
def test_each_real_ping_has_its_outcome(tmp_path, file, expected):
    body = shared_data("pings", *file.split("/")).read_bytes()

    outcome = convert(a_submission(body), a_context(tmp_path, revision="elsewhere/0000000000aa"))

    assert ("stored" if isinstance(outcome, Stored) else refused(outcome).value) == expected


@pytest.mark.parametrize("file", ["ss-ff-n-22.tsv", "ss-ff-n-28.lines-0-2.tsv"])
def test_pings_packed_by_the_original_server_are_stored_unchanged(tmp_path, file):
    context = a_context(tmp_path)
    for line in shared_data("pings", "classic-v2-converted", file).read_bytes().splitlines():
        document_id, _, text = line.partition(b"\t")
        outcome = convert(a_submission(text, f"/submit/telemetry/{document_id.decode()}"), context)

        record = record_of(outcome)
        del record["metadata"]
        assert record == json.loads(text)
        assert stored(outcome).histograms_kept == 0
        assert stored(outcome).dimensions[:3] == ("saved_session", "Firefox", "nightly")


def test_text_of_any_script_is_unchanged(tmp_path):
    """The same session, packed and not."""
    log = shared_data("pings", "packed", "unicode.v1.packed").read_bytes()
    context = a_context(
        tmp_path, shared_data(*GECKO_56).read_bytes(), revision="mozilla-central/eab4a81e4457"
    )
    records = []
    while log:
        path_length, body_length = int.from_bytes(log[1:3], "little"), int.from_bytes(log[3:7], "little")
        end = 15 + path_length + body_length
        path, body, log = log[15 : 15 + path_length], log[15 + path_length : end], log[end:]
        outcome = convert(a_submission(body, "/submit/telemetry/" + path.decode()), context)
        records.append(record_of(outcome))
        assert stored(outcome).dimensions[0] == "saved_session"

    assert len(records) == 2
    assert records[0] == records[1]
    assert not json.dumps(records[0], ensure_ascii=False).isascii()


def test_submissions_of_other_pipelines_tests_have_their_outcomes(tmp_path):
    """Duplicates among them are found later, at the commit."""
    context = a_context(tmp_path)
    came: dict[str, list[str]] = {}
    for name in ("telemetry", "common", "json"):
        file = f"lua_sandbox-decoder_{name}.json"
        came[name] = []
        for fields in (each["fields"] for each in read_json("pings", "http-submissions", file)):
            submission = a_submission(fields.get("content", "").encode(), fields.get("uri", ""))
            outcome = convert(submission, context)
            came[name].append("stored" if isinstance(outcome, Stored) else refused(outcome).value)

    assert came["telemetry"] == ["unknown_revision", "empty_body", "empty_body", "unknown_version"]
    assert came["common"] == ["invalid_path"] * 2 + ["empty_body"] * 4 + [
        "stored",
        "empty_body",
        "stored",
        "stored",
    ]
    assert came["json"] == ["stored", "empty_body", "stored", "stored"]


def test_decoder_inputs_of_another_pipeline_have_their_outcomes(tmp_path):
    context = a_context(tmp_path)
    came = []
    for file in ("valid-input.ndjson", "error-input.ndjson"):
        folder = shared_data("pings", "http-submissions", "gcp-ingestion", "decoder-integration")
        for line in Path(folder, file).read_text(encoding="utf-8").splitlines():
            message = json.loads(line)
            uri = message["attributeMap"]["uri"]
            outcome = convert(a_submission(base64.b64decode(message["payload"]), uri), context)
            came.append("stored" if isinstance(outcome, Stored) else refused(outcome).value)

    assert came == ["stored"] * 4 + ["invalid_path", "stored"]


def test_real_samples_of_telemetry_pass_through(tmp_path):
    """All that have a type, an application and a payload, and no histograms to look up."""
    context = a_context(tmp_path)
    samples = sorted(shared_data("pipeline-schemas", "validation", "telemetry").glob("*.pass.json"))
    came = Counter()
    for sample in samples:
        outcome = convert(a_submission(sample.read_bytes(), TELEMETRY_PATH), context)
        came["stored" if isinstance(outcome, Stored) else refused(outcome).value] += 1

    assert came["stored"] >= 30
    assert set(came) <= {"stored", "unknown_version", "missing_field", "missing_revision", "unknown_revision"}
