"""The fields of a record's row in the table ``pings``."""

from datetime import datetime

import pytest

from telemetry_server.records.fields import fields_of

CLIENT = "c641eacf-c30c-4171-b403-f077724e848a"


def a_record(namespace: str = "telemetry", doctype: str = "main", uri: str = "", **parts):
    """Return a stored record with *parts* and the metadata that the server adds."""
    metadata = {
        "submission_timestamp": "2026-11-22T12:00:00.000001Z",
        "document_id": "17CAA68C-25F5-450A-9CCE-7D31318846D8",
        "namespace": namespace,
        "doctype": doctype,
        "docversion": "4",
        "uri": uri or "/submit/telemetry/17caa68c-25f5-450a-9cce-7d31318846d8",
    }
    return {**parts, "metadata": metadata}


UNIFIED = {
    "application": {
        "name": "Firefox",
        "channel": "nightly",
        "version": "70.0a1",
        "buildId": "20190801000000",
        "architecture": "x86-64",
    },
    "environment": {
        "system": {"os": {"name": "Linux", "version": "5.2.3-generic"}},
        "experiments": {"pref-flip": {"branch": "control"}, "odd": {}},
    },
    "payload": {
        "info": {
            "revision": "https://hg.mozilla.org/mozilla-central/rev/0123456789ab",
            "sessionId": CLIENT,
            "subsessionId": "{" + CLIENT.upper() + "}",
            "profileSubsessionCounter": 7,
        }
    },
    "info": {"reason": "main"},
    "clientId": CLIENT.upper(),
}
CLASSIC = {
    "info": {
        "reason": "idle-daily",
        "appName": "Firefox",
        "appUpdateChannel": "release",
        "appVersion": "23.0.1",
        "appBuildID": "20130814063812",
        "OS": "WINNT",
        "version": "6.1",
        "arch": "x86",
    }
}
GLEAN = {
    "client_info": {
        "client_id": CLIENT,
        "app_channel": "beta",
        "app_display_version": "3.1",
        "app_build": "77",
        "os": "Windows",
        "os_version": "10.0",
        "architecture": "arm64",
    },
    "ping_info": {"experiments": {"onboarding": {"branch": "blue", "extra": {"type": "x"}}}},
}
OWN_PRODUCT = {"app_version": "2.0", "app_channel": "stable", "app_build": "b9"}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(
            a_record(**UNIFIED),
            {
                "application": "Firefox",
                "channel": "nightly",
                "version": "70.0a1",
                "build_id": "20190801000000",
                "os": "Linux",
                "os_version": "5.2",
                "architecture": "x86-64",
                "reason": "main",
                "client_id": CLIENT,
                "session_id": CLIENT,
                "subsession_id": CLIENT,
                "profile_subsession_counter": 7,
                "experiments": (("pref-flip", "control"), ("odd", None)),
                "source_tags": None,
                "revision": "https://hg.mozilla.org/mozilla-central/rev/0123456789ab",
            },
            id="unified main ping",
        ),
        pytest.param(
            a_record(payload={"info": {"sessionId": "Session 7", "subsessionId": 12}}),
            {"session_id": "Session 7", "subsession_id": "12"},
            id="session ids that are no UUIDs",
        ),
        pytest.param(
            a_record(doctype="idle-daily", **CLASSIC),
            {
                "application": "Firefox",
                "version": "23.0.1",
                "os": "Windows_NT",
                "os_version": "6.1",
                "architecture": "x86",
                "reason": "idle-daily",
                "client_id": None,
                "sample_id": None,
                "experiments": (),
            },
            id="classic ping",
        ),
        pytest.param(
            a_record("org-example-app", "metrics", **GLEAN),
            {
                "application": "org-example-app",
                "channel": "beta",
                "version": "3.1",
                "build_id": "77",
                "os": "Windows_NT",
                "reason": "metrics",
                "experiments": (("onboarding", "blue"),),
            },
            id="Glean ping",
        ),
        pytest.param(
            a_record("own-product", "usage", **OWN_PRODUCT),
            {"application": "own-product", "version": "2.0", "channel": "stable", "build_id": "b9"},
            id="ping of a product with fields at the top level",
        ),
        pytest.param(
            a_record(
                doctype="core",
                uri="/submit/telemetry/17caa68c-25f5-450a-9cce-7d31318846d8/core/Fennec/55.0/beta/2017",
            ),
            {"application": "Fennec", "version": "55.0", "channel": "beta", "build_id": "2017"},
            id="dimensions that only the URL has",
        ),
    ],
)
def test_fields_are_found_in_each_kind_of_record(record, expected):
    """Values are not shortened, missing texts are None, and no value becomes OTHER."""
    fields = fields_of(record)

    assert {name: getattr(fields, name) for name in expected} == expected


def test_every_record_has_ids_and_a_submission_time():
    """Ids are in lower case; the time is UTC without a time zone."""
    fields = fields_of(a_record(**UNIFIED))

    assert fields.document_id == "17caa68c-25f5-450a-9cce-7d31318846d8"
    assert fields.submission_timestamp == datetime(2026, 11, 22, 12, 0, 0, 1)
    assert fields.sample_id == 79


@pytest.mark.parametrize("value", [None, 7, "text", [1], {"os": 3}])
def test_parts_of_a_wrong_type_count_as_missing(value):
    """A stored ping may hold any JSON below its top level."""
    parts = dict.fromkeys(("application", "environment", "payload", "client_info", "ping_info"), value)

    assert fields_of(a_record(**parts)).version is None
    assert fields_of(a_record("other", "thing", **parts)).version is None
