"""Pings of several stores, held against a garden's definitions: each case with its marks."""

from collections import Counter
from urllib.parse import quote, unquote

import orjson
import pytest

from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import QuarantineReason, Refused, Stored
from telemetry_server.probes.probe_checks import ProbeChecks, checked_record
from tests.convert.payloads.samples import FLAG_SENT, a_submission
from tests.probes.samples import SOMEBODY, a_garden, a_main_ping, a_ping, body_of, marks_of


@pytest.fixture(scope="module")
def garden(tmp_path_factory):
    return a_garden(tmp_path_factory.mktemp("garden"))


def plain(**by_label):
    return {"scalars": {"parent": {f"garden.weather.{label}": value for label, value in by_label.items()}}}


def in_process(process, **by_label):
    return {"scalars": {process: {f"garden.weather.{label}": value for label, value in by_label.items()}}}


def keyed(process, label, by_key):
    return {"keyedScalars": {process: {f"garden.weather.{label}": by_key}}}


RAIN = plain(rain_ticks=42)
CASES = {
    "clean": (a_ping({"custom": "hi", **RAIN}), {}),
    "expired in nightly of the version": (a_ping(RAIN, version="71.0a1"), {"expired_metric": 1}),
    "alive in the last version before": (a_ping(RAIN, version="70.9.9"), {}),
    "expired by number, not by text": (a_ping(RAIN, version="100.0"), {"expired_metric": 1}),
    "version that cannot be compared": (a_ping(RAIN, version="soon"), {"expiry_unknown": 1}),
    "metric of another store": (a_ping(plain(main_only="x")), {"wrong_store": 1}),
    "section that is not allowed": (a_ping(in_process("content", rain_ticks=1)), {"wrong_process": 1}),
    "extension is covered by content": (a_ping(in_process("extension", open_count=1)), {}),
    "main is not the name of a section": (a_ping(in_process("main", rain_ticks=1)), {"unknown_process": 1}),
    **{
        f"{value!r} is not a uint": (a_ping(plain(rain_ticks=value)), {"wrong_kind": 1})
        for value in (True, -1, 1.5, 1.0, "7")
    },
    "past 32 bits": (a_ping(plain(rain_ticks=2**32)), {"uint_range": 1}),
    "the largest uint": (a_ping(plain(rain_ticks=2**32 - 1)), {}),
    "keyed in a child process": (a_ping(keyed("gpu", "by_tool", {"rake": 2})), {}),
    "keyed in the parent": (a_ping(keyed("parent", "by_tool", {"rake": 2})), {"wrong_process": 1}),
    "key that is not listed": (a_ping(keyed("gpu", "by_tool", {"spade": 2})), {"key_not_allowed": 1}),
    "key in another case": (a_ping(keyed("gpu", "by_tool", {"Rake": 2})), {"key_case": 1}),
    "keyed and sent plain": (a_ping(in_process("gpu", by_tool=3)), {"keyed_mismatch": 1}),
    "no scalars": (a_ping({"scalars": {}}), {}),
    "no key for scalars": (a_ping({"custom": "hi"}), {}),
    "unknown beside a good one": (a_ping(plain(rain_ticks=1, nope=1)), {"unknown_metric": 1}),
    "101 keys": (a_ping(keyed("gpu", "by_bed", {str(n): n for n in range(101)})), {"over_limit": 1}),
    "100 keys": (a_ping(keyed("gpu", "by_bed", {str(n): n for n in range(100)})), {}),
    "51 characters": (a_ping(plain(note="x" * 51)), {"over_limit": 1}),
    "50 characters": (a_ping(plain(note="x" * 50)), {}),
    "opt-in in a main ping of release": (
        a_main_ping({"scalars": {"garden.weather.main_only": "x"}}),
        {"optin_on_release": 1},
    ),
    "zero is a value": (
        a_ping(
            {"processes": {"parent": {"scalars": {"startup.profile_count": 0}}}},
            "new-profile",
            clientId=SOMEBODY,
        ),
        {},
    ),
    "an order to delete": (a_ping({"scalars": {}}, "deletion-request", clientId=SOMEBODY), {}),
    "an order without an id": (a_ping({"scalars": {}}, "deletion-request"), {"privacy.client_id_missing": 1}),
    "an empty identity": (a_ping(RAIN, clientId=None), {"privacy.client_id_empty": 1}),
    "a histogram of another store": (a_ping({"histograms": {"FLAG": FLAG_SENT}}), {"wrong_store": 1}),
    "a histogram of the ping's store": (a_ping({"histograms": {"SIDE_FLAG": FLAG_SENT}}), {}),
    "an expired histogram": (
        a_ping({"histograms": {"SIDE_FLAG": FLAG_SENT}}, version="80.0"),
        {"expired_metric": 1},
    ),
    "a histogram in a section that is not allowed": (
        a_ping({"processes": {"content": {"histograms": {"SIDE_FLAG": FLAG_SENT}}}}),
        {"wrong_process": 1},
    ),
    "a snapshot of histograms by process": (
        a_ping({"histograms": {"parent": {"SIDE_FLAG": FLAG_SENT}, "gpu": {"SIDE_FLAG": FLAG_SENT}}}),
        {"wrong_process": 1},
    ),
    "an unknown histogram": (a_ping({"histograms": {"SNAILS": FLAG_SENT}}), {"unknown_metric": 1}),
    "a plain histogram that was sent keyed": (
        a_ping({"keyedHistograms": {"parent": {"SIDE_FLAG": {"a": FLAG_SENT}}}}),
        {"keyed_mismatch": 1},
    ),
    "the same without a process": (
        a_ping({"keyedHistograms": {"SIDE_FLAG": {"a": FLAG_SENT}}}),
        {"keyed_mismatch": 1},
    ),
    "a number in place of a histogram": (
        a_ping({"processes": {"parent": {"histograms": {"SIDE_FLAG": 3}}}}),
        {"wrong_kind": 1},
    ),
    "a doctype without a table": (a_ping(plain(nope=1), "sync"), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_ping_is_stored_with_its_marks(garden, case):
    """No mark refuses a ping; each is in its record."""
    ping, expected = CASES[case]

    outcome, marks = marks_of(ping, garden)

    assert isinstance(outcome, Stored)
    assert marks == Counter(expected)
    assert orjson.loads(outcome.record)["metadata"].get("anomalies", {}) == expected


@pytest.mark.parametrize("case", [name for name in CASES if "histogram" in name])
def test_the_record_of_a_custom_ping_has_the_marks_of_its_histograms(garden, case):
    """Reports and ``explain`` find the same marks again."""
    ping, expected = CASES[case]
    outcome, _ = marks_of(ping, garden)

    checked = checked_record(orjson.loads(outcome.record), ProbeChecks(garden.resolver, garden.stores))

    assert Counter(mark.name.value for mark in checked.marks()) == Counter(expected)
    assert {seen.kind for seen in checked.seen()} == {"histogram"}


def test_the_values_stay_in_their_place(garden):
    """A marked value is kept as it was sent."""
    ping = a_ping(plain(rain_ticks=1, nope=1.5))

    outcome, _ = marks_of(ping, garden)

    assert orjson.loads(outcome.record)["payload"] == ping["payload"]


@pytest.mark.parametrize(
    ("path", "ping"),
    {
        "clientId": a_ping(RAIN, clientId=SOMEBODY),
        "client_id": a_ping(RAIN, client_id=SOMEBODY),
        "profileGroupId": a_ping(RAIN, profileGroupId=SOMEBODY),
        "payload.clientId": a_ping({**RAIN, "clientId": SOMEBODY}),
        "payload.client_id": a_ping({**RAIN, "client_id": SOMEBODY}),
        "client_info.client_id": a_ping(RAIN, client_info={"client_id": SOMEBODY}),
        "payload.sessionId": a_ping({**RAIN, "sessionId": SOMEBODY}),
        "payload.subsessionId": a_ping({**RAIN, "subsessionId": SOMEBODY}),
        "payload.info.previousSessionID": a_ping({**RAIN, "info": {"previousSessionID": SOMEBODY}}),
    }.items(),
)
def test_an_identity_in_a_ping_of_an_anonymous_store_is_removed(garden, path, ping):
    """It goes to quarantine without what identifies, though other places repeat it."""
    ping["payload"]["custom"] = f"from {SOMEBODY}"

    outcome, marks = marks_of(ping, garden)

    assert isinstance(outcome, Refused)
    assert outcome.reason is QuarantineReason.PRIVACY_VIOLATION
    assert path in outcome.detail
    assert marks == {"privacy.client_id_present": 1}
    assert SOMEBODY.encode() not in outcome.submission.body
    assert body_of(outcome)["payload"]["scalars"] == ping["payload"]["scalars"]


@pytest.mark.parametrize(
    "spelling",
    [
        SOMEBODY.upper(),
        SOMEBODY.replace("-", ""),
        f"{{{SOMEBODY}}}",
        f"so says {SOMEBODY.replace('-', '').upper()}.",
    ],
)
@pytest.mark.parametrize("value", [SOMEBODY, SOMEBODY.upper(), {"id": SOMEBODY}, [1, [SOMEBODY]]], ids=str)
def test_an_identity_is_removed_wherever_it_stands_in_any_spelling(garden, spelling, value):
    """In texts, in keys, in the path and in headers."""
    ping = a_ping({**RAIN, "notes": [{spelling: 1}, spelling]}, clientId=value)
    path = (
        f"/submit/telemetry/17caa68c-25f5-450a-9cce-7d31318846d8/custom/Firefox/70/release/{quote(spelling)}"
    )

    outcome = convert(a_submission(ping, path=path, headers={"x-debug-id": spelling[:60]}), garden)

    assert isinstance(outcome, Refused)
    kept = outcome.submission
    digits = SOMEBODY.replace("-", "")
    for text in (kept.body.decode(), unquote(kept.path), *kept.headers.values(), outcome.detail):
        assert digits not in text.lower().replace("-", "")
    assert body_of(outcome)["payload"]["scalars"] == RAIN["scalars"]
    assert kept.path.count("/") == path.count("/")


@pytest.mark.parametrize(
    "body",
    [
        b'{"type": "custom", "clientId": "%b"' % SOMEBODY.encode(),
        b'{"type": "custom", "version": 4, "clientId": "%b"}' % SOMEBODY.encode(),
        b'{"version": 4, "clientId": "%b"}' % SOMEBODY.encode(),
        b"\x1f\x8b%b" % SOMEBODY.encode(),
    ],
    ids=["cut off", "no payload", "no type", "not gzip"],
)
def test_an_identity_is_removed_from_a_ping_that_is_refused_for_another_reason(garden, body):
    """A body that cannot be read is left out where it may be of an anonymous store."""
    outcome = convert(a_submission(body), garden)

    assert isinstance(outcome, Refused)
    assert outcome.reason is not QuarantineReason.PRIVACY_VIOLATION
    assert SOMEBODY.encode() not in outcome.submission.body
    assert SOMEBODY not in outcome.detail


def test_times_of_an_anonymous_ping_are_those_of_its_day(garden):
    """Neither its record nor its headers say when in the day it came."""
    submission = a_submission(a_ping(RAIN), headers={"date": "Sun, 22 Nov 2026 11:59:58 GMT", "dnt": "1"})

    outcome = convert(submission, garden)
    metadata = orjson.loads(outcome.record)["metadata"]

    assert metadata["submission_timestamp"] == "2026-11-22T00:00:00.000000Z"
    assert metadata["header"] == {"dnt": "1"}


def test_a_ping_whose_revision_is_unknown_is_held_against_nothing(garden):
    """Neither its own revision nor a history finds definitions."""
    ping = a_ping(RAIN)
    del ping["payload"]["info"]

    _, marks = marks_of(ping, garden)

    assert marks == {"no_definitions": 1}
