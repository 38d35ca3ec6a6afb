"""One submission to one outcome: the steps in their order, and no exception for any input."""

import gzip
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from histogram_specs.history.resolver import InForce
from histogram_specs.revision import Revision
from storage.partitions.schema import parse_schema
from telemetry_server.convert.pipeline import convert, digest_of
from telemetry_server.outcomes.outcome import AwaitingSpecs, QuarantineReason, Refused, Stored
from telemetry_server.pings.doctype_check import DoctypeCheck, DoctypeStatus
from tests.convert.payloads.samples import (
    COUNT_SENT,
    EXP_SENT,
    FLAG_ROW,
    FLAG_SENT,
    ID,
    INFO,
    SPECS,
    TELEMETRY_PATH,
    a_context,
    a_submission,
    classic,
    dropped,
    record_of,
    refused,
    stored,
    unified,
)

REASON = QuarantineReason
GENERIC_PATH = f"/submit/garden/watering/1/{ID}"


@pytest.fixture
def context(tmp_path):
    return a_context(tmp_path)


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("/elsewhere", b"{}", REASON.INVALID_PATH),
        (f"/submit/telemetry/main/4/{ID}", b"{}", REASON.INVALID_PATH),
        ("/submit/telemetry/1-1-1-1-1", b"{}", REASON.INVALID_DOCUMENT_ID),
        ("/submit/garden/watering/1/x", b"", REASON.INVALID_DOCUMENT_ID),
        (GENERIC_PATH, b"", REASON.EMPTY_BODY),
        (GENERIC_PATH, gzip.compress(b"", mtime=0), REASON.EMPTY_BODY),
        (GENERIC_PATH, gzip.compress(b'{"litres":3}', mtime=0)[:-9], REASON.CORRUPT_GZIP),
        (GENERIC_PATH, gzip.compress(b" " * (2 << 20), mtime=0), REASON.TOO_LARGE),
        (GENERIC_PATH, b" " * ((8 << 20) + 1), REASON.TOO_LARGE),
        (GENERIC_PATH, gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), REASON.INVALID_JSON),
        (GENERIC_PATH, b"[1]", REASON.INVALID_JSON),
        (GENERIC_PATH, b'{"a":NaN}', REASON.INVALID_JSON),
        (GENERIC_PATH, b'{"a":1e400}', REASON.INVALID_JSON),
        (GENERIC_PATH, b'{"a":' * 65 + b"1" + b"}" * 65, REASON.INVALID_JSON),
        (TELEMETRY_PATH, b"{}", REASON.UNKNOWN_VERSION),
    ],
)
def test_a_body_that_does_not_decode_is_refused(context, path, body, reason):
    outcome = convert(a_submission(body, path), context)

    assert refused(outcome) is reason


def test_a_refused_submission_has_the_doctype_of_its_path(context):
    outcome = convert(a_submission(b"x", GENERIC_PATH), context)

    assert isinstance(outcome, Refused)
    assert (outcome.document_id, outcome.namespace, outcome.doctype) == (ID, "garden", "watering")


def test_a_refused_ping_has_the_doctype_of_its_payload(context):
    info = INFO | {"revision": "x"}
    outcome = convert(a_submission(classic(info=info), f"{TELEMETRY_PATH}/a/b/c/d/e"), context)

    assert isinstance(outcome, Refused)
    assert outcome.doctype == "saved-session"


def test_any_object_is_a_generic_ping(context):
    """Its dimensions are its doctype, its namespace, and what client_info says."""
    ping = {
        "litres": 3,
        "info": "kept",
        "version": 9,
        "client_info": {"app_channel": "beta", "app_display_version": "1.2", "app_build": "345"},
    }

    outcome = convert(a_submission(ping, GENERIC_PATH), context)

    record = record_of(outcome)
    metadata = record.pop("metadata")
    assert record == ping
    assert (metadata["namespace"], metadata["doctype"], metadata["docversion"]) == ("garden", "watering", "1")
    # Not registered, so not allowed a folder of its own.
    assert stored(outcome).dimensions == ("OTHER", "OTHER", "beta", "1.2", "345")
    assert stored(outcome).histograms_kept == 0


@pytest.mark.parametrize("client_info", [None, 5, [], {}, {"app_channel": None}])
def test_a_generic_ping_may_omit_the_client(context, client_info):
    outcome = convert(a_submission({"client_info": client_info}, GENERIC_PATH), context)

    assert stored(outcome).dimensions == ("OTHER", "OTHER", "OTHER", "UNKNOWN", "UNKNOWN")


def test_metadata_says_what_the_server_knows_and_no_address(context):
    headers = {
        "x-debug-id": "plot-1",
        "x-forwarded-for": "192.0.2.7",
        "date": "Sun, 22 Nov 2026 12:00:00 GMT",
    }

    submission = a_submission(classic(), f"{TELEMETRY_PATH}/", headers=headers, client_address="192.0.2.0")
    outcome = convert(submission, context)

    metadata = record_of(outcome)["metadata"]
    expected = {
        "submission_timestamp": "2026-11-22T12:00:00.000000Z",
        "document_id": ID,
        "namespace": "telemetry",
        "doctype": "saved-session",
        "docversion": "1",
        "uri": f"{TELEMETRY_PATH}/",
        "header": {"x_debug_id": "plot-1", "date": "Sun, 22 Nov 2026 12:00:00 GMT"},
    }
    assert expected.items() <= metadata.items()
    assert "revision_source" not in metadata
    assert "dropped_histograms" not in metadata
    assert b"192.0.2" not in stored(outcome).record
    assert stored(outcome).notes == {"uri_trailing_slash": 1}


def test_harmless_oddities_are_counted(context):
    body = gzip.compress(b'\xef\xbb\xbf{"sample_id":5}') + b"junk"

    outcome = convert(a_submission(body, GENERIC_PATH), context)

    assert stored(outcome).notes == {"gzip_trailing": 1, "json_bom": 1, "reserved_field": 1}


def test_a_record_is_one_line(context):
    outcome = convert(a_submission({"text": "a\nb\r\u2028", "é": 1}, GENERIC_PATH), context)

    assert b"\n" not in stored(outcome).record
    assert record_of(outcome)["text"] == "a\nb\r\u2028"


def test_the_digest_is_of_the_text_however_it_was_sent(context):
    body = b'{"litres":3}'
    plain, packed, other = (
        stored(convert(a_submission(each, GENERIC_PATH), context))
        for each in (body, gzip.compress(body), b'{"litres":4}')
    )

    assert plain.digest == packed.digest == digest_of(body)
    assert plain.digest != other.digest
    assert -(2**63) <= plain.digest < 2**63


# Half a character


LONE = json.dumps(classic({"FLAG": FLAG_SENT}, addons=["x\ud83d", {"\udc00": "\ud83d\ude00"}])).encode()


@pytest.mark.parametrize("fully", [False, True])
def test_a_lone_surrogate_is_replaced_and_noted_in_the_record(context, fully):
    """In strings and in keys; the other histograms are packed."""
    outcome = convert(a_submission(LONE), context, fully=fully)

    record = record_of(outcome)
    assert record["addons"] == ["x\ufffd", {"\ufffd": "\N{GRINNING FACE}"}]
    assert record["histograms"] == {"FLAG": FLAG_ROW}
    assert record["metadata"]["anomalies"] == {"lone_surrogate": 2}
    assert stored(outcome).notes == {"lone_surrogate": 2}
    assert stored(outcome).digest == digest_of(LONE)


def test_a_lone_surrogate_in_a_histogram_is_replaced(context):
    """Names, keys, what no row has room for; of keys that become equal the last counts."""
    keyed = {f"a{chr(0xD83C + n)}": COUNT_SENT | {"sum": n} for n in (1, 2)} | {"b\ud83d": COUNT_SENT}
    ping = classic(
        {"FLAG": FLAG_SENT | {"x": "\ud83d"}, "NOT_\ud83d": FLAG_SENT}, keyedHistograms={"KEYED_COUNT": keyed}
    )
    outcome = convert(a_submission(json.dumps(ping).encode()), context)

    record = record_of(outcome)
    assert record["histograms"] == {"FLAG": FLAG_ROW}
    assert list(record["keyedHistograms"]["KEYED_COUNT"]) == ["a\ufffd", "b\ufffd"]
    assert record["keyedHistograms"]["KEYED_COUNT"]["a\ufffd"][3] == 2
    assert [dropped.name for dropped in stored(outcome).dropped] == ["NOT_\ufffd"]
    assert record["metadata"]["anomalies"] == {"lone_surrogate": 5}
    assert stored(outcome).histograms_kept == 3


def test_a_lone_surrogate_in_a_header_or_the_path_is_replaced(context):
    submission = a_submission(classic(), headers={"date": "today\ud83d", "dnt": "1"})
    metadata = record_of(convert(submission, context))["metadata"]

    assert metadata["header"] == {"date": "today\ufffd", "dnt": "1"}
    assert metadata["anomalies"] == {"lone_surrogate": 1}
    assert isinstance(convert(a_submission(classic(), TELEMETRY_PATH + "\udcff"), context), Refused)


def test_a_ping_without_one_has_no_anomalies(context):
    assert "anomalies" not in record_of(convert(a_submission(classic()), context))["metadata"]


# Revisions


class KnowsOne:
    """A history of one text, in force wherever it is asked for it in the way named."""

    def __init__(self, way: str) -> None:
        self._way = way
        self._in_force = InForce(Revision("mozilla-central", "feedfeedfeed"), "digest")

    def at_revision(self, revision: Revision) -> InForce | None:
        return self._in_force if self._way == "history" else None

    def at_build(self, channel: str, build_id: str, version: str | None) -> InForce | None:
        known = (channel, build_id, version) == ("nightly", "20130902030220", "26.0a1")
        return self._in_force if known and self._way == "build_date" else None

    def at_version(self, channel: str, version: str) -> InForce | None:
        return self._in_force if self._way == "version" else None

    def spec_text(self, digest: str) -> bytes:
        return json.dumps(SPECS).encode()


@pytest.mark.parametrize("way", ["build_date", "version"])
@pytest.mark.parametrize("layout", ["classic", "main", "saved-session"])
def test_a_revision_that_a_fallback_found_is_written_into_the_record(tmp_path, way, layout):
    context = a_context(tmp_path, history=KnowsOne(way))
    info = {name: value for name, value in INFO.items() if name != "revision"}
    if layout == "classic":
        ping = classic(info=info)
    else:
        ping = unified(layout)
        ping["application"] |= {"version": "26.0a1", "buildId": "20130902030220"}
        del ping["payload"]["info"]["revision"]

    record = record_of(convert(a_submission(ping), context))

    home = record["payload"]["info"] if layout == "main" else record["info"]
    assert home["revision"] == "https://hg.mozilla.org/mozilla-central/rev/feedfeedfeed"
    assert record["metadata"]["revision_source"] == way


def test_a_fallback_uses_the_path_for_missing_fields(tmp_path):
    context = a_context(tmp_path, history=KnowsOne("build_date"))
    path = f"{TELEMETRY_PATH}/saved-session/Firefox/26.0a1/nightly/20130902030220"

    record = record_of(convert(a_submission(classic(info={"reason": "x"}), path), context))

    assert record["metadata"]["revision_source"] == "build_date"


def test_a_revision_that_the_history_knows_stays_as_it_was_sent(tmp_path):
    context = a_context(tmp_path, revision="elsewhere/0000000000aa", history=KnowsOne("history"))

    record = record_of(convert(a_submission(classic()), context))

    assert record["info"] == INFO
    assert record["metadata"]["revision_source"] == "history"


def test_a_revision_that_must_be_fetched_makes_the_ping_wait(tmp_path):
    context = a_context(tmp_path, offline=False)
    info = INFO | {"revision": "https://hg.mozilla.org/mozilla-central/rev/0000000000ff"}

    outcome = convert(a_submission(classic(info=info)), context)

    assert outcome == AwaitingSpecs(Revision("mozilla-central", "0000000000ff"), ID)
    context.resolver.mark_missing(Revision("mozilla-central", "0000000000ff"))
    assert refused(convert(a_submission(classic(info=info)), context)) is REASON.UNKNOWN_REVISION


def test_a_ping_with_a_broken_spec_file_is_refused_with_advice(tmp_path):
    context = a_context(tmp_path, b"no spec file")

    outcome = convert(a_submission(classic()), context)

    assert refused(outcome) is REASON.UNKNOWN_REVISION
    assert isinstance(outcome, Refused)
    assert "replace it or remove it" in outcome.detail


@pytest.mark.parametrize("revision", [None, "", "https://hg.mozilla.org/mozilla-central/rev/0000000000ff"])
def test_histograms_may_be_packed_by_their_own_descriptions(tmp_path, revision):
    """Where the operator allows it: those that carry their type, range and bucket count."""
    context = a_context(tmp_path, unresolved_revision="self_described")
    sent = {
        "FLAG": FLAG_SENT,
        "ANY_NAME": EXP_SENT,
        "BARE": {"values": {"0": 1}},
        "ODD": EXP_SENT | {"histogram_type": 9},
        "EMPTY_RANGE": EXP_SENT | {"range": [5, 1]},
        "HUGE": EXP_SENT | {"bucket_count": 10_001},
        "WRONG_BUCKET": EXP_SENT | {"values": {"2": 1}},
        "BROKEN": 5,
    }
    ping = classic(sent, info=INFO | {"revision": revision}, keyedHistograms={"K": {"k": COUNT_SENT}})

    outcome = convert(a_submission(ping), context)

    record = record_of(outcome)
    assert record["metadata"]["revision_source"] == "self_described"
    assert record["info"]["revision"] == revision
    assert sorted(record["histograms"]) == ["ANY_NAME", "FLAG"]
    assert record["histograms"]["FLAG"] == FLAG_ROW
    assert list(record["keyedHistograms"]) == ["K"]
    assert dropped(outcome) == {
        "unknown_histogram": 1,
        "unusable_spec": 3,
        "invalid_bucket": 1,
        "malformed": 1,
    }


def test_the_descriptions_of_one_ping_are_bounded(tmp_path):
    """Otherwise one ping could cost minutes of computing buckets."""
    context = a_context(tmp_path, unresolved_revision="self_described")
    sent = {
        str(high): {"histogram_type": 1, "bucket_count": 10_000, "range": [1, high], "values": {"x": 1}}
        for high in range(20_000, 20_200)
    }

    outcome = convert(a_submission(classic(sent, info={"reason": "main"})), context)

    assert dropped(outcome) == {"invalid_bucket": 100, "unusable_spec": 100}


# The catalogue of doctypes


class OneDoctype:
    """Knows garden/watering/1, and wants its litres to be a number."""

    def check(self, namespace: str, doctype: str, docversion: str, ping: Any, text: bytes) -> DoctypeCheck:
        assert orjson.loads(text).keys() >= ping.keys()
        if (namespace, doctype, docversion) != ("garden", "watering", "1"):
            return DoctypeCheck(DoctypeStatus.UNREGISTERED)
        if isinstance(ping.get("litres"), int):
            return DoctypeCheck(DoctypeStatus.VALID)
        return DoctypeCheck(DoctypeStatus.VIOLATION, "/litres: is not a number")


@pytest.mark.parametrize(
    ("path", "ping", "required", "reason"),
    [
        (GENERIC_PATH, {"litres": 3, "metadata": 1}, True, None),
        (GENERIC_PATH, {"litres": "3"}, False, REASON.SCHEMA_VIOLATION),
        (GENERIC_PATH.replace("/1/", "/2/"), {"litres": "3"}, False, None),
        (GENERIC_PATH.replace("/1/", "/2/"), {"litres": 3}, True, REASON.UNKNOWN_DOCTYPE),
        (TELEMETRY_PATH, classic(), True, None),
    ],
)
def test_a_ping_that_violates_its_schema_is_refused(tmp_path, path, ping, required, reason):
    context = a_context(tmp_path, doctypes=OneDoctype(), require_registration=required)

    outcome = convert(a_submission(ping, path), context)

    if reason is None:
        assert isinstance(outcome, Stored)
    else:
        assert refused(outcome) is reason


def test_with_registration_required_and_no_catalogue_nothing_generic_is_registered(tmp_path):
    context = a_context(tmp_path, require_registration=True)

    assert refused(convert(a_submission({}, GENERIC_PATH), context)) is REASON.UNKNOWN_DOCTYPE


def test_an_operators_schema_may_file_by_any_field_of_info(tmp_path):
    """Those included that a flattened session only has afterwards."""
    schema = parse_schema(
        '{"version":1,"dimensions":[{"field_name":"memsize","allowed_values":{"min":448,"max":5000}},'
        '{"field_name":"OS","allowed_values":"*"}]}'
    )
    default = a_context(tmp_path)
    context = type(default)(default.resolver, schema)
    environment = {"system": {"memoryMB": 4096, "os": {"name": "Linux"}}}

    outcome = convert(a_submission(unified("saved-session", environment=environment)), context)

    assert stored(outcome).dimensions == ("4096", "Linux")


# Anything at all

SCALARS = st.none() | st.booleans() | st.integers(-(2**64), 2**65) | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(
    [
        "ver",
        "version",
        "info",
        "type",
        "application",
        "payload",
        "environment",
        "histograms",
        "keyedHistograms",
        "processes",
        "childPayloads",
        "revision",
        "reason",
        "values",
        "metadata",
        "FLAG",
        "KEYED_COUNT",
        "sum",
        "0",
    ]
)
ANYTHING = st.recursive(
    SCALARS
    | st.sampled_from([1, 2, 3, 4, 5, "main", "saved-session", INFO["revision"], FLAG_SENT, EXP_SENT]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=25,
)


@pytest.fixture(scope="module")
def shared_context(tmp_path_factory):
    """One cache for all the examples."""
    return a_context(tmp_path_factory.mktemp("any"), unresolved_revision="self_described")


@given(data=st.data())
def test_every_input_has_one_outcome(shared_context, data):
    """No input raises an exception."""
    shape = data.draw(st.sampled_from(["bytes", "json", "classic", "unified"]))
    if shape == "bytes":
        body = data.draw(st.binary() | st.binary().map(gzip.compress))
    else:
        base = {
            "json": {},
            "classic": classic(),
            "unified": unified(data.draw(st.sampled_from(["main", "saved-session"]))),
        }
        ping = base[shape] | data.draw(st.dictionaries(KEYS | st.text(max_size=3), ANYTHING, max_size=5))
        body = json.dumps(ping).encode()
    path = data.draw(
        st.sampled_from([TELEMETRY_PATH, GENERIC_PATH, f"{TELEMETRY_PATH}/a/b/c/d/e", f"{GENERIC_PATH}//"])
        | st.text(max_size=40).map("/submit/".__add__)
    )

    outcome = convert(a_submission(body, path), shared_context)

    if isinstance(outcome, Stored):
        record = orjson.loads(outcome.record)
        assert record["metadata"]["document_id"] == outcome.document_id
        assert sum(record["metadata"].get("dropped_histograms", {}).values()) == len(outcome.dropped)
        assert len(outcome.dimensions) == 5
    else:
        assert isinstance(outcome, Refused | AwaitingSpecs)
        if isinstance(outcome, Refused):
            assert outcome.detail.isprintable()
            assert len(outcome.detail) < 1000
