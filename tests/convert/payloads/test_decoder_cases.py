"""
The acceptance cases of HTTP decoding and Glean, one row each, under the numbers that their page gives them.

Where the contract says otherwise, the row follows the contract and says so.  Cases of the edge
(10 to 16, 20, 32, 33, 52, 53) are in tests/edge, of ids seen before (21 to 23, 51) in
tests/coordinator/test_converter.py.
"""

import gzip
import json
from typing import Any

import pytest

from storage.raw.submission import Submission
from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.convert.pipeline import convert
from telemetry_server.convert.rules.rules_file import read_rules
from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.outcomes.outcome import Refused, Stored
from tests.convert.payloads.samples import RECEIVED_AT, a_context, record_of
from tests.convert.rules.test_rules import SAMPLES
from tests.support.shared_data import shared_data

U = "11111111-2222-4333-8444-555555555555"
WATERING = f"/submit/garden/watering/1/{U}"
GLEAN = f"/submit/org-example-garden/watering/1/{U}"
TELEMETRY = f"/submit/telemetry/{U}"
LITRES = b'{"litres": 3}'
INFO = {"seq": 0, "start_time": "2026-11-21T16:00:00.000+00:00", "end_time": "2026-11-21T16:12+00:00"}
CLIENT = {
    "app_build": "1",
    "app_display_version": "1.0",
    "app_channel": "nightly",
    "architecture": "x86_64",
    "client_id": U,
    "first_run_date": "2026-11-21+00:00",
    "os": "Linux",
    "os_version": "6.18.44-fc",
    "telemetry_sdk_build": "71.0.0",
}


def glean(**changes: Any) -> dict[str, Any]:
    """A whole Glean ping; a change to None takes the section out."""
    ping = {"ping_info": INFO, "client_info": CLIENT} | changes
    return {name: part for name, part in ping.items() if part is not None}


@pytest.fixture
def context(tmp_path) -> ConversionContext:
    """The doctypes of the cases registered, the sample rules in force."""
    schemas = tmp_path / "schemas"
    put = schemas / "garden/watering/watering.1.schema.json"
    put.parent.mkdir(parents=True)
    put.write_text(json.dumps({"type": "object", "required": ["litres"]}))
    return a_context(tmp_path, doctypes=Catalogue(schemas), rules=read_rules(SAMPLES))


@pytest.fixture
def glean_context(tmp_path) -> ConversionContext:
    """Glean's generic schema registered for an application, as an operator does by copying it."""
    put = tmp_path / "schemas/org-example-garden/watering/watering.1.schema.json"
    put.parent.mkdir(parents=True)
    put.write_bytes(shared_data("pipeline-schemas", "schemas/glean/glean/glean.1.schema.json").read_bytes())
    return a_context(tmp_path, doctypes=Catalogue(tmp_path / "schemas"), rules=read_rules(SAMPLES))


def submitted(path: str, body: bytes | dict[str, Any], **headers: str) -> Submission:
    """*body* at *path*, with *headers* (``_`` for ``-``)."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Submission(RECEIVED_AT, path, data, headers=named)


STORED = "stored"


def reason_of(outcome: object) -> str:
    return outcome.reason.value if isinstance(outcome, Refused) else STORED


@pytest.mark.parametrize(
    ("case", "path", "body", "reason"),
    [
        # 1 stores nothing here: by the contract a version 4 ping needs its application and payload.
        ("1", f"{TELEMETRY}/main/Firefox/61.0a1/nightly/1", b'{"version":4,"type":"main"}', "missing_field"),
        ("3", WATERING, LITRES, STORED),
        ("4", WATERING, gzip.compress(LITRES, mtime=0), STORED),
        ("5", WATERING, LITRES, STORED),
        ("6", WATERING, gzip.compress(LITRES, mtime=0)[:20], "corrupt_gzip"),  # contract: its own reason
        ("7", WATERING, gzip.compress(LITRES, mtime=0) + b"junk", STORED),
        ("8", WATERING, gzip.compress(gzip.compress(LITRES, mtime=0), mtime=0), "invalid_json"),
        ("9 taken", WATERING, b'{"litres": "' + b"x" * (8_388_608 - 14) + b'"}', STORED),
        ("9 over", WATERING, b'{"litres": "' + b"x" * (8_388_609 - 14) + b'"}', "too_large"),
        ("17 five", f"{TELEMETRY}/main/Firefox/61.0/release", LITRES, "invalid_path"),
        ("17 seven", f"{TELEMETRY}/main/Firefox/61.0/release/1/2", LITRES, "invalid_path"),
        ("18", "/submit/garden/watering/1/1-1-1-1-1", LITRES, "invalid_document_id"),
        ("18 upper", f"/submit/garden/watering/1/{U.upper()}", LITRES, STORED),
        ("19", f"{WATERING}/", LITRES, STORED),
        ("23", WATERING, b"{", "invalid_json"),
        ("24 list", WATERING, b"[1]", "invalid_json"),
        ("24 text", WATERING, b'"x"', "invalid_json"),
        ("24 empty", WATERING, b"", "empty_body"),  # contract: its own reason
        ("24 mark", WATERING, b"\xef\xbb\xbf" + LITRES, STORED),
        ("26 none", TELEMETRY, b"{}", "unknown_version"),
        ("26 v", TELEMETRY, b'{"v":1}', "unknown_version"),  # contract: neither a ver nor a version
        ("26 null", TELEMETRY, b'{"version":null,"v":3}', "unknown_version"),
        ("26 object", TELEMETRY, b'{"version":{}}', "unknown_version"),
        ("27 doctype", f"/submit/garden/weeding/1/{U}", LITRES, STORED),  # contract: kept, unless required
        ("27 version", f"/submit/garden/watering/99/{U}", LITRES, STORED),
        ("30", WATERING, {"litres": 3, "clientId": "not-a-uuid"}, STORED),
        ("31", WATERING, {"litres": 3, "clientId": "c0ffeec0-ffee-c0ff-eec0-ffeec0ffeec0"}, "unwanted"),
        ("48", f"/submit/firefox-desktop/baseline/1/{U}", glean(), "unwanted"),
    ],
)  # fmt: skip
def test_a_case_of_the_decoder(context, case, path, body, reason):
    """Stored, or refused with the contract's reason."""
    assert reason_of(convert(submitted(path, body), context)) == reason, case


@pytest.mark.parametrize(
    ("case", "body", "note"),
    [
        ("7", gzip.compress(LITRES, mtime=0) + b"junk", {"gzip_trailing": 1}),
        ("24", b"\xef\xbb\xbf" + LITRES, {"json_bom": 1}),
        ("25", {"litres": 3, "submission_timestamp": "2001", "metadata": {}}, {"reserved_field": 2}),
        ("40", LITRES, {"bad_source_tags": 1}),
    ],
)  # fmt: skip
def test_a_harmless_oddity_is_counted(context, case, body, note):
    """The ping is kept."""
    headers = {"x_source_tags": "glean-x"} if case == "40" else {}
    outcome = convert(submitted(WATERING, body, **headers), context)

    assert isinstance(outcome, Stored)
    assert outcome.notes == note


@pytest.mark.parametrize(
    ("path", "required", "reason"),
    [
        (f"/submit/garden/weeding/1/{U}", True, "unknown_doctype"),
        (f"/submit/garden/watering/99/{U}", True, "unknown_doctype"),
        (WATERING, True, STORED),
        (f"/submit/garden/weeding/1/{U}", False, STORED),
    ],
)
def test_case_27_where_registration_is_required(context, path, required, reason):
    """Then what is not registered is refused, its version included."""
    strict = ConversionContext(
        context.resolver, context.schema, doctypes=context.doctypes, require_registration=required
    )

    assert reason_of(convert(submitted(path, LITRES), strict)) == reason


def test_case_29_an_id_is_normalized_in_metadata_and_unchanged_in_the_payload(context):
    """Contract: the payload is stored as it came; what we make of it is in `metadata`."""
    sent = "{AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE}"
    record = record_of(convert(submitted(WATERING, {"litres": 3, "clientId": sent}), context))

    assert record["clientId"] == sent
    assert record["metadata"]["client_id"] == sent[1:-1].lower()
    assert record["metadata"]["sample_id"] == 81


def test_case_34_a_record_has_no_address(context):
    """An address is neither in a record nor in the detail of a refusal."""
    headers = {"x_forwarded_for": "192.0.2.7", "x_pipeline_proxy": "192.0.2.7"}
    kept = convert(submitted(WATERING, LITRES, **headers), context)
    refused = convert(submitted(WATERING, b"{", **headers), context)

    assert isinstance(kept, Stored)
    assert isinstance(refused, Refused)
    assert b"192.0.2.7" not in kept.record
    assert "192.0.2.7" not in refused.detail


def test_case_39_and_46_a_whole_glean_ping(glean_context):
    """Its tags are kept, and its system is normalised."""
    headers = {"X-Debug-ID": "plot-1", "X-Source-Tags": "automation,bed-2"}
    submission = Submission(RECEIVED_AT, GLEAN, json.dumps(glean()).encode(), headers=headers)
    metadata = record_of(convert(submission, glean_context))["metadata"]

    assert metadata["header"] == {"x_debug_id": "plot-1", "x_source_tags": "automation,bed-2"}
    assert metadata["normalized_channel"] == "nightly"
    assert metadata["normalized_os"] == "Linux"
    assert metadata["normalized_os_version"] == "6.18.44"
    assert metadata["sample_id"] == 54


@pytest.mark.parametrize(
    ("case", "ping", "reason"),
    [
        ("39", glean(), STORED),
        ("41", glean(client_info=None), "schema_violation"),
        ("43", glean(client_info={k: v for k, v in CLIENT.items() if k != "client_id"}), STORED),
        ("44", glean(metrics={"datetime": {"plot.seen": "2026-11-21T16:12+17:00"}}), STORED),
        ("45", glean(events=[{"timestamp": 0, "category": "a", "name": "b",
                              "extra": {"n": "7", "glean_timestamp": "1795302750374"}}]), STORED),
        ("45 number", glean(events=[{"timestamp": 0, "category": "a", "name": "b", "extra": {"n": 7}}]),
         "schema_violation"),
        ("47 label", glean(metrics={"counter": {"Bad.Label": 1}}), "schema_violation"),
        ("47 length", glean(metrics={"counter": {"a" * 112: 1}}), "schema_violation"),
        ("50", glean(metrics={"uuid": {"other": 7}}), "schema_violation"),
    ],
)  # fmt: skip
def test_a_case_of_glean(glean_context, case, ping, reason):
    """Registered by a copy of Glean's generic schema."""
    assert reason_of(convert(submitted(GLEAN, ping), glean_context)) == reason, case


def test_case_42_a_ping_without_info_sections(tmp_path):
    """Valid as `glean-min`, where the operator registered that."""
    put = tmp_path / "schemas/org-example-garden/watering/watering.1.schema.json"
    put.parent.mkdir(parents=True)
    put.write_bytes(
        shared_data("pipeline-schemas", "schemas/glean/glean/glean-min.1.schema.json").read_bytes()
    )
    context = a_context(tmp_path, doctypes=Catalogue(tmp_path / "schemas"))
    small = {"metrics": {"counter": {"plot.hits": 1}}}

    assert reason_of(convert(submitted(GLEAN, small), context)) == STORED
    assert reason_of(convert(submitted(GLEAN, glean(**small)), context)) == "schema_violation"


def test_case_44_an_impossible_zone_is_counted(glean_context):
    """Only that one is dropped."""
    ping = glean(metrics={"datetime": {"plot.seen": "2026-11-21T16:12+17:00"}})
    outcome = convert(submitted(GLEAN, ping), glean_context)

    assert isinstance(outcome, Stored)
    assert outcome.notes == {"tz_suspicious": 1}


def test_case_49_a_deletion_request_is_an_order_in_its_record(context):
    """Carrying it out is not built yet: docs/clients.md says so."""
    path = f"/submit/org-example-garden/deletion-request/1/{U}"
    metadata = record_of(convert(submitted(path, glean()), context))["metadata"]

    assert metadata["deletion_order"] == {"ids": [U]}


def test_case_48_glean_is_known_by_its_header(context):
    """In whatever case the header's name came: the edge keeps names in lower case."""
    submission = submitted(
        f"/submit/firefox-desktop/baseline/1/{U}", glean(), x_telemetry_agent="Glean/67.3.2 (Rust on Linux)"
    )

    assert reason_of(convert(submission, context)) == STORED


def test_a_ping_that_a_registered_schema_refuses_is_quarantined(tmp_path):
    """Through the whole conversion, also where a part is missing that its version requires."""
    context = a_context(tmp_path, doctypes=Catalogue(shared_data("pipeline-schemas", "schemas")))
    for sample in sorted(shared_data("pipeline-schemas", "validation").rglob("*.fail.json")):
        doctype, docversion = sample.name.split(".")[:2]
        namespace = sample.parent.name
        build = f"{doctype}/Firefox/60.0/release/1" if namespace == "telemetry" else ""
        path = f"{TELEMETRY}/{build}" if build else f"/submit/{namespace}/{doctype}/{docversion}/{U}"
        outcome = convert(submitted(path, sample.read_bytes()), context)

        assert reason_of(outcome) == "schema_violation", sample.name
        assert isinstance(outcome, Refused)
        assert outcome.detail.endswith(f"(schema {namespace}/{doctype}/{docversion})")


# Six samples hold only what they test: a version 4 main ping needs its payload's info and histograms.
FRAGMENTS = {
    "main.4.good_histogram.pass.json": "missing_field",
    "main.4.hdd_type.pass.json": "missing_field",
    "main.4.hdd_type_null.pass.json": "missing_field",
    "main.4.headless.pass.json": "missing_field",
    "main.4.intl_alldata.pass.json": "missing_field",
    "main.4.min.pass.json": "missing_field",
}


def test_a_ping_that_a_registered_schema_accepts_is_stored(tmp_path):
    """Through the whole conversion; the parts that a version requires are required all the same."""
    context = a_context(tmp_path, doctypes=Catalogue(shared_data("pipeline-schemas", "schemas")))
    refused = {}
    samples = sorted(shared_data("pipeline-schemas", "validation").rglob("*.pass.json"))
    for sample in samples:
        doctype, docversion = sample.name.split(".")[:2]
        namespace = sample.parent.name
        build = f"{doctype}/Firefox/60.0/release/1" if namespace == "telemetry" else ""
        path = f"{TELEMETRY}/{build}" if build else f"/submit/{namespace}/{doctype}/{docversion}/{U}"
        reason = reason_of(convert(submitted(path, sample.read_bytes()), context))
        if reason not in (STORED, "unknown_revision"):  # no server of revisions is asked here
            refused[sample.name] = reason

    assert len(samples) > len(FRAGMENTS)
    assert refused == FRAGMENTS


@pytest.fixture
def phones(tmp_path) -> ConversionContext:
    """A schema of an operator's own for a doctype that says its version as ``v``."""
    put = tmp_path / "schemas/telemetry/core/core.7.schema.json"
    put.parent.mkdir(parents=True)
    put.write_text(json.dumps({"type": "object", "required": ["seq"], "properties": {"v": {"const": 7}}}))
    return a_context(tmp_path, doctypes=Catalogue(tmp_path / "schemas"))


CORE = f"{TELEMETRY}/core/Fennec/62.0/release/20180801"


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (CORE, {"v": 7, "seq": 1}, STORED),
        (CORE, {"version": None, "v": 7, "seq": 1}, STORED),
        (CORE, {"v": 7}, "schema_violation"),
        (CORE, {"v": 8, "seq": 1}, "unknown_version"),
        (CORE, {"v": "7", "seq": 1}, "unknown_version"),
        (CORE, {"version": 99, "v": 7, "seq": 1}, "unknown_version"),
        (TELEMETRY, {"v": 7, "seq": 1}, "unknown_version"),
        # The shipped schemas cover the versions of the readers, and no other version.
        (f"{TELEMETRY}/main/Firefox/62.0/release/1", {"v": 4}, "unknown_version"),
    ],
)
def test_a_version_that_only_an_operator_knows(phones, path, body, reason):
    """``v`` counts where a schema is registered for it, and nowhere else."""
    assert reason_of(convert(submitted(path, body), phones)) == reason


def test_a_ping_of_a_phone_app_is_stored_unchanged(phones):
    """Its dimensions are its path's."""
    outcome = convert(submitted(CORE, {"v": 7, "seq": 1}), phones)
    record = record_of(outcome)

    assert isinstance(outcome, Stored)
    assert record["metadata"]["docversion"] == "7"
    assert {name: record[name] for name in ("v", "seq")} == {"v": 7, "seq": 1}
    assert outcome.dimensions[1:] == ("Fennec", "release", "62.0", "20180801")
