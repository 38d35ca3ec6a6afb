"""The outcome of a payload by its version: the original server's cases, with our reasons."""

from typing import Any

import pytest

from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import QuarantineReason, Refused
from tests.convert.payloads.samples import (
    COUNT_ROW,
    COUNT_SENT,
    EXP_ROW,
    EXP_SENT,
    FLAG_ROW,
    FLAG_SENT,
    INFO,
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

NO_REVISION = {name: value for name, value in INFO.items() if name != "revision"}
ANR_INFO = {"reason": "android-anr-report", "appName": "Fennec", "appUpdateChannel": "nightly"}
FIRST_USE = {
    "ver": 3,
    "pingID": "0d8f9f0a",
    "deviceinfo.update_channel": "default",
    "deviceinfo.platform_version": "31.0a1",
    "deviceinfo.platform_build_id": "20140325104133",
    "screenWidth": 320,
}
REASON = QuarantineReason


@pytest.fixture
def context(tmp_path):
    return a_context(tmp_path)


def without(ping: dict[str, Any], *path: str) -> dict[str, Any]:
    """A copy of *ping* without the value at *path*."""
    first, *rest = path
    if not rest:
        return {name: part for name, part in ping.items() if name != first}
    return ping | {first: without(ping[first], *rest)}


def with_part(ping: dict[str, Any], part: Any, *path: str) -> dict[str, Any]:
    """A copy of *ping* with *part* at *path*."""
    first, *rest = path
    return ping | {first: with_part(ping[first], part, *rest) if rest else part}


@pytest.mark.parametrize(
    ("ping", "reason", "named"),
    [
        # Neither a ver nor a version that we know.
        ({}, REASON.UNKNOWN_VERSION, "neither"),
        ({"v": 9, "clientId": "x"}, REASON.UNKNOWN_VERSION, "neither"),
        ({"ver": None, "version": None}, REASON.UNKNOWN_VERSION, "neither"),
        (classic(ver="1"), REASON.UNKNOWN_VERSION, "ver"),
        (classic(ver=True), REASON.UNKNOWN_VERSION, "ver"),
        (classic(ver=1.5), REASON.UNKNOWN_VERSION, "1.5"),
        (classic(ver=4), REASON.UNKNOWN_VERSION, "ver 4"),
        (classic(ver=0), REASON.UNKNOWN_VERSION, "ver 0"),
        (classic(ver=10**19), REASON.UNKNOWN_VERSION, "ver"),
        (classic(ver={}), REASON.UNKNOWN_VERSION, "ver"),
        (unified(version=6), REASON.UNKNOWN_VERSION, "version 6"),
        (unified(version="4"), REASON.UNKNOWN_VERSION, "version"),
        (unified(ver=4), REASON.UNKNOWN_VERSION, "ver 4"),
        # Classic: what a version requires.
        (without(classic(), "info"), REASON.MISSING_FIELD, "info"),
        (classic(info=[]), REASON.MISSING_FIELD, "info"),
        (with_part(classic(), None, "info"), REASON.MISSING_FIELD, "info"),
        (without(classic(), "histograms"), REASON.MISSING_FIELD, "histograms"),
        (with_part(classic(), None, "histograms"), REASON.MISSING_FIELD, "histograms"),
        (classic([FLAG_SENT]), REASON.MISSING_FIELD, "histograms"),
        (classic(info=NO_REVISION), REASON.MISSING_REVISION, "revision"),
        (classic(info=INFO | {"revision": None}), REASON.MISSING_REVISION, "revision"),
        (classic(info=INFO | {"revision": ""}), REASON.MISSING_REVISION, "revision"),
        (classic(info=INFO | {"revision": "arglebargle"}), REASON.INVALID_REVISION, "info.revision"),
        (classic(info=INFO | {"revision": "/rev/"}), REASON.INVALID_REVISION, "info.revision"),
        (classic(info=INFO | {"revision": 5}), REASON.INVALID_REVISION, "info.revision"),
        (
            classic(info=INFO | {"revision": "https://h.example/mozilla-central/rev/tip"}),
            REASON.INVALID_REVISION,
            "info.revision",
        ),
        (
            classic(info=INFO | {"revision": "https://h.example/a/../../b/rev/abc123"}),
            REASON.INVALID_REVISION,
            "info.revision",
        ),
        (
            classic(info=INFO | {"revision": "https://hg.mozilla.org/mozilla-central/rev/0000000000ff"}),
            REASON.UNKNOWN_REVISION,
            "0000000000ff",
        ),
        ({"ver": 2}, REASON.MISSING_FIELD, "info"),
        ({"ver": 5, "info": "x"}, REASON.MISSING_FIELD, "info"),
        # Unified.
        (unified(type=None), REASON.MISSING_FIELD, "type"),
        (unified(""), REASON.MISSING_FIELD, "type"),
        (unified(type=5), REASON.MISSING_FIELD, "type"),
        (unified(application=None), REASON.MISSING_FIELD, "application"),
        (unified(application=[]), REASON.MISSING_FIELD, "application"),
        (unified(payload=None), REASON.MISSING_FIELD, "payload"),
        (unified(payload="x"), REASON.MISSING_FIELD, "payload"),
        (unified(payload={}), REASON.MISSING_FIELD, "payload.info"),
        (with_part(unified(), None, "payload", "info"), REASON.MISSING_FIELD, "payload.info"),
        (without(unified(), "payload", "histograms"), REASON.MISSING_FIELD, "payload.histograms"),
        (with_part(unified(), None, "payload", "histograms"), REASON.MISSING_FIELD, "payload.histograms"),
        (with_part(unified(), [], "payload", "histograms"), REASON.MISSING_FIELD, "payload.histograms"),
        (without(unified(), "payload", "info", "revision"), REASON.MISSING_REVISION, "revision"),
        (
            with_part(unified(), "x", "payload", "info", "revision"),
            REASON.INVALID_REVISION,
            "payload.info.revision",
        ),
        (unified("saved-session", environment=None), REASON.MISSING_FIELD, "environment"),
        (with_part(unified("saved-session"), None, "environment"), REASON.MISSING_FIELD, "environment"),
        (unified(version=5), REASON.MISSING_FIELD, "info"),
    ],
)
def test_a_ping_that_its_version_does_not_allow_is_refused_with_the_wrong_part(context, ping, reason, named):
    outcome = convert(a_submission(ping), context)

    assert refused(outcome) is reason
    assert isinstance(outcome, Refused)
    assert named in outcome.detail


@pytest.mark.parametrize("ver", [1, 1.0])
def test_ver_1_is_packed_and_becomes_ver_2(context, ver):
    ping = classic({"FLAG": FLAG_SENT, "EXP": EXP_SENT}, ver=ver, simpleMeasurements={"uptime": 5})

    outcome = convert(a_submission(ping), context)

    record = record_of(outcome)
    assert record["ver"] == 2
    assert record["histograms"] == {"FLAG": FLAG_ROW, "EXP": EXP_ROW}
    assert record["info"] == INFO
    assert record["simpleMeasurements"] == {"uptime": 5}
    assert record["metadata"]["docversion"] == "1"
    assert stored(outcome).histograms_kept == 2


@pytest.mark.parametrize("revision", [{}, {"revision": None}, {"revision": ""}])
def test_a_report_without_histograms_needs_no_revision(context, revision):
    """Android's ANR reports."""
    outcome = convert(a_submission({"ver": 1, "info": ANR_INFO | revision, "androidANR": "…"}), context)

    assert record_of(outcome)["ver"] == 2
    assert stored(outcome).dimensions[0] == "android_anr_report"
    assert stored(outcome).histograms_kept == 0


def test_without_histograms_no_definitions_are_requested(context):
    unknown = "https://hg.mozilla.org/mozilla-central/rev/0000000000ff"

    outcome = convert(a_submission(classic({}, info=INFO | {"revision": unknown})), context)

    assert record_of(outcome)["histograms"] == {}


@pytest.mark.parametrize("ver", [2, 5])
def test_a_packed_ping_is_stored_unchanged(context, ver):
    """Its histograms count as neither kept nor dropped."""
    ping = {"ver": ver, "info": INFO, "histograms": {"FLAG": FLAG_ROW, "UNDEFINED": [1, 2]}}

    outcome = convert(a_submission(ping), context)

    record = record_of(outcome)
    assert record.pop("metadata")["docversion"] == str(ver)
    assert record == ping
    assert stored(outcome).histograms_kept == 0
    assert not stored(outcome).dropped


def test_a_first_use_of_firefox_os_gets_an_info(context):
    outcome = convert(a_submission(FIRST_USE), context)

    record = record_of(outcome)
    assert record["ver"] == 2
    assert "pingID" not in record
    assert record["screenWidth"] == 320
    assert record["info"] == {
        "reason": "ftu",
        "appName": "FirefoxOS",
        "appUpdateChannel": "default",
        "appVersion": "31.0a1",
        "appBuildID": "20140325104133",
    }
    assert stored(outcome).dimensions == ("ftu", "FirefoxOS", "OTHER", "31.0a1", "20140325104133")
    assert stored(outcome).doctype == "ftu"


def test_a_missing_field_of_firefox_os_is_unknown(context):
    record = record_of(convert(a_submission({"ver": 3}), context))

    assert record["info"]["appBuildID"] == "UNKNOWN"


def test_main_keeps_its_shape(context):
    outcome = convert(a_submission(unified()), context)

    record = record_of(outcome)
    assert record["version"] == 5
    assert record["info"] == {
        "reason": "main",
        "appName": "Firefox",
        "appUpdateChannel": "nightly",
        "appVersion": "48.0a1",
        "appBuildID": "20160315030230",
        "arch": "x86-64",
        "platformVersion": "48.0a1",
        "xpcomAbi": "x86_64-gcc3",
        "vendor": "Mozilla",
    }
    assert record["payload"]["histograms"] == {"FLAG": FLAG_ROW}
    assert record["payload"]["ver"] == 4
    assert record["payload"]["info"]["reason"] == "gather-payload"
    assert record["metadata"]["docversion"] == "4"
    assert stored(outcome).dimensions == ("main", "Firefox", "nightly", "48.0a1", "20160315030230")


def test_the_end_of_a_profiles_first_session_is_packed_as_main_is(context):
    """It is main's payload."""
    record = record_of(convert(a_submission(unified("first-shutdown")), context))

    assert record["payload"]["histograms"] == {"FLAG": FLAG_ROW}
    assert record["info"]["reason"] == "first-shutdown"
    assert record["version"] == 5


def test_other_types_pass_through_with_an_info(context):
    """Even an empty payload does: deletion requests have one."""
    for doctype, payload in (("activation", {"b": {"histograms": 1}}), ("deletion-request", {})):
        outcome = convert(a_submission(unified(doctype, payload=payload)), context)

        record = record_of(outcome)
        assert record["version"] == 5
        assert record["payload"] == payload
        assert record["info"]["reason"] == doctype
        assert stored(outcome).doctype == doctype


def test_version_5_is_stored_as_it_is(context):
    ping = unified(version=5, info={"reason": "main", "appVersion": "40.0"})

    record = record_of(convert(a_submission(ping), context))

    del record["metadata"]
    assert record == ping


def test_an_info_of_the_clients_in_version_4_is_discarded_and_counted(context):
    outcome = convert(a_submission(unified(info={"reason": "forged", "x": 1})), context)

    assert record_of(outcome)["info"]["reason"] == "main"
    assert "x" not in record_of(outcome)["info"]
    assert stored(outcome).notes == {"reserved_field": 1}


def test_reserved_fields_are_discarded_and_counted(context):
    ours = {
        "metadata": {"geo": {"country": "XX"}},
        "submission_timestamp": "2001-01-01T00:00:00Z",
        "sample_id": 1,
    }

    outcome = convert(a_submission(classic() | ours), context)

    record = record_of(outcome)
    assert "geo" not in record["metadata"]
    assert "submission_timestamp" not in record
    assert stored(outcome).notes == {"reserved_field": 3}


ENVIRONMENT = {
    "build": {"applicationId": "{ec8030f7}", "buildId": "20160315030231"},
    "system": {
        "memoryMB": 4096,
        "isWow64": False,
        "cpu": {"count": 4},
        "device": {"model": "m", "manufacturer": "f", "hardware": "h", "isTablet": True},
        "os": {"name": "Windows_NT", "version": "6.1", "kernelVersion": None},
        "hdd": {
            "profile": {"model": "p", "revision": "1"},
            "binary": {"model": "b", "revision": "2"},
            "system": {"model": "s", "revision": "3"},
        },
        "gfx": {
            "D2DEnabled": True,
            "DWriteEnabled": False,
            "DWriteVersion": "6.2",
            "adapters": [
                {"description": "first", "vendorID": "0x1", "RAM": 512, "GPUActive": True},
                {"description": "second", "driverDate": "1-1-2015", "RAM": 1024, "GPUActive": False},
                {"description": "third"},
            ],
        },
    },
    "settings": {"locale": "de"},
    "addons": {"activeExperiment": {"id": "e", "branch": "control"}, "theme": {"id": "t"}},
}


def test_a_saved_session_is_flattened(context):
    ping = unified("saved-session", environment=ENVIRONMENT)
    ping["simpleMeasurements"] = "taken"
    ping["payload"]["info"] |= {"appVersion": "not ours", "sessionId": "s", "locale": "fr"}

    outcome = convert(a_submission(ping), context)

    record = record_of(outcome)
    assert "payload" not in record
    assert record["ver"] == 5
    assert record["version"] == 5
    assert record["payload.ver"] == 4
    assert record["clientID"] == record["clientId"]
    assert record["histograms"] == {"FLAG": FLAG_ROW}
    assert record["simpleMeasurements"] == "taken"
    assert record["payload.simpleMeasurements"] == {"uptime": 5}
    info = record["info"]
    assert (info["reason"], info["appVersion"], info["sessionId"]) == ("saved-session", "48.0a1", "s")
    assert info["OS"] == "WINNT"
    assert (info["locale"], info["environment.locale"]) == ("fr", "de")
    assert "kernel_version" not in info
    expected = {
        "appID": "{ec8030f7}",
        "platformBuildID": "20160315030231",
        "cpucount": 4,
        "memsize": 4096,
        "isWow64": False,
        "device": "m",
        "manufacturer": "f",
        "hardware": "h",
        "tablet": True,
        "version": "6.1",
        "D2DEnabled": True,
        "DWriteEnabled": False,
        "DWriteVersion": "6.2",
        "profileHDDModel": "p",
        "profileHDDRevision": "1",
        "binHDDModel": "b",
        "binHDDRevision": "2",
        "winHDDModel": "s",
        "winHDDRevision": "3",
        "activeExperiment": "e",
        "activeExperimentBranch": "control",
        "persona": "t",
        "adapterDescription": "first",
        "adapterVendorID": "0x1",
        "adapterRAM": 512,
        "adapterDescription2": "second",
        "adapterRAM2": 1024,
        "adapterDriverDate2": "1-1-2015",
        "isGPU2Active": False,
    }
    assert expected.items() <= info.items()
    assert stored(outcome).dimensions[0] == "saved_session"


@pytest.mark.parametrize(
    "part", ["build", "system", "settings", "addons", "system.gfx", "system.cpu", "system.os"]
)
@pytest.mark.parametrize("broken", [None, 5, [], "x"])
def test_a_broken_part_of_an_environment_is_ignored(context, part, broken):
    """The original refused the whole ping for a ``gfx`` of null."""
    ping = unified("saved-session", environment=with_part(ENVIRONMENT, broken, *part.split(".")))

    info = record_of(convert(a_submission(ping), context))["info"]

    assert info["appName"] == "Firefox"
    assert info.get("appID") == (None if part == "build" else "{ec8030f7}")


def test_a_flattened_payload_cannot_overwrite_reserved_keys(context):
    ping = unified("saved-session", clientId=None)
    ping["payload"] |= {"metadata": "m", "payload": "p", "clientID": "c", "version": "v"}

    record = record_of(convert(a_submission(ping), context))

    assert record["clientID"] is None
    assert record["metadata"]["namespace"] == "telemetry"
    for name in ("metadata", "payload", "clientID", "version"):
        assert record[f"payload.{name}"] == name[0]


def test_a_saved_session_without_a_ver_of_its_payload_is_taken(context):
    record = record_of(convert(a_submission(without(unified("saved-session"), "payload", "ver")), context))

    assert "payload.ver" not in record


def test_histograms_are_packed_in_every_section(context):
    """In the payload, its processes and its child payloads; add-ons' own are data."""
    ping = unified()
    keyed = {"KEYED_COUNT": {"a key": COUNT_SENT}}
    ping["payload"] |= {
        "keyedHistograms": keyed,
        "processes": {"content": {"histograms": {"FLAG": FLAG_SENT}, "keyedHistograms": keyed}, "gpu": 5},
        "childPayloads": [{"histograms": {"EXP": EXP_SENT}}, None],
        "addonHistograms": {"addon": {"X": FLAG_SENT}},
    }

    outcome = convert(a_submission(ping), context)

    payload = record_of(outcome)["payload"]
    packed = {"KEYED_COUNT": {"a key": COUNT_ROW}}
    assert payload["keyedHistograms"] == packed
    assert payload["processes"] == {
        "content": {"histograms": {"FLAG": FLAG_ROW}, "keyedHistograms": packed},
        "gpu": 5,
    }
    assert payload["childPayloads"] == [{"histograms": {"EXP": EXP_ROW}}, None]
    assert payload["addonHistograms"] == {"addon": {"X": FLAG_SENT}}
    assert stored(outcome).histograms_kept == 5


def test_classic_pings_may_have_keyed_histograms_and_processes_too(context):
    ping = classic(
        {}, keyedHistograms={"KEYED_COUNT": {"k": COUNT_SENT}}, processes={"c": {"histograms": {"FLAG": 5}}}
    )

    outcome = convert(a_submission(ping), context)

    assert record_of(outcome)["keyedHistograms"] == {"KEYED_COUNT": {"k": COUNT_ROW}}
    assert [histogram.where for histogram in stored(outcome).dropped] == ["processes.c.histograms.FLAG"]


def test_a_value_that_is_not_an_object_of_histograms_is_dropped(context):
    outcome = convert(
        a_submission(classic(keyedHistograms=[1], processes={"c": {"histograms": "x"}})), context
    )

    record = record_of(outcome)
    assert record["histograms"] == {"FLAG": FLAG_ROW}
    assert "keyedHistograms" not in record
    assert record["processes"] == {"c": {}}
    assert dropped(outcome) == {"malformed": 2}
    assert record["metadata"]["dropped_histograms"] == {"malformed": 2}


def test_a_null_object_of_histograms_counts_as_missing(context):
    outcome = convert(a_submission(classic(keyedHistograms=None) | {"keyedHistograms": None}), context)

    assert not stored(outcome).dropped


def test_the_payload_takes_precedence_over_the_path(context):
    path = f"{TELEMETRY_PATH}/idle-daily/Fennec/1.0/beta/20200101"
    full = convert(a_submission(classic(), path), context)
    info = {"revision": INFO["revision"], "appName": "", "appVersion": {}, "reason": None}
    empty = convert(a_submission(classic(info=info), path), context)
    nothing = convert(a_submission(classic(info=info)), context)

    assert stored(full).dimensions == ("saved_session", "Firefox", "nightly", "26.0a1", "20130902030220")
    assert stored(full).doctype == "saved-session"
    assert stored(empty).dimensions == ("idle_daily", "Fennec", "beta", "1.0", "20200101")
    assert stored(empty).doctype == "idle-daily"
    assert stored(nothing).dimensions == ("OTHER", "OTHER", "OTHER", "UNKNOWN", "UNKNOWN")
    assert stored(nothing).doctype == "UNKNOWN"


def test_no_dimension_leads_out_of_the_tree(context):
    """`../../x` did, in the original."""
    outcome = convert(
        a_submission(classic(info=INFO | {"appVersion": "../../x", "appBuildID": ".."})), context
    )

    assert stored(outcome).dimensions[3:] == ("_._.._x", "_.")
