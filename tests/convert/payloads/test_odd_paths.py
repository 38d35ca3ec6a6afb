"""Paths that name their dimensions in an odd way: the ping is stored, and its payload goes first."""

import pytest

from storage.raw.submission import Submission
from telemetry_server.convert.pipeline import convert
from tests.convert.payloads.samples import (
    ID,
    RECEIVED_AT,
    TELEMETRY_PATH,
    a_context,
    a_submission,
    record_of,
    stored,
)
from tests.support.shared_data import shared_trials

SAID = {
    "reason": "idle-daily",
    "appName": "Firefox",
    "appVersion": "25.0",
    "appUpdateChannel": "release",
    "appBuildID": "20131021000000",
}
BY_PAYLOAD = ("idle_daily", "Firefox", "release", "25.0", "20131021000000")


@pytest.fixture
def context(tmp_path):
    return a_context(tmp_path)


def ping(**info: str) -> dict[str, object]:
    return {"ver": 1, "info": info}


@pytest.mark.parametrize(
    "path",
    [
        f"/{TELEMETRY_PATH}",
        f"///{TELEMETRY_PATH}/main/Fennec/24.0/beta/1",
        f"{TELEMETRY_PATH}/idle-daily/Own%20Browser/25.0/release/20131021000000",
        f"{TELEMETRY_PATH}/idle-daily/~/~/~/~",
        f"{TELEMETRY_PATH}/////",
        f"{TELEMETRY_PATH}/saved%2Dsession/Firef%F6x//(none)/..%2F..%2Fetc",
    ],
)
def test_the_payload_takes_precedence_over_an_odd_path(context, path):
    outcome = stored(convert(a_submission(ping(**SAID), path), context))

    assert outcome.dimensions == BY_PAYLOAD
    assert record_of(outcome)["metadata"]["uri"] == path


@pytest.mark.parametrize(
    ("dimensions", "filed"),
    [
        ("idle%2Ddaily/Firefox/25.0/release/20131021000000", BY_PAYLOAD),
        ("idle-daily/Fire%66ox/25.0/release%20/20131021000000", (*BY_PAYLOAD[:2], "OTHER", *BY_PAYLOAD[3:])),
        ("idle-daily/Firefox//release/", (*BY_PAYLOAD[:3], "UNKNOWN", "UNKNOWN")),
        ("idle-daily/Own%20Browser/25.0~/release/a%2Fb", ("idle_daily", "OTHER", "release", "25.0_", "a_b")),
    ],
)
def test_fields_missing_in_the_payload_are_read_from_the_decoded_path(context, dimensions, filed):
    """The names of folders stay inside the tree."""
    outcome = stored(convert(a_submission(ping(), f"{TELEMETRY_PATH}/{dimensions}"), context))

    assert outcome.dimensions == filed


def test_names_of_the_generic_form_are_decoded(context):
    outcome = stored(convert(a_submission({"litres": 3}, f"//submit/gar%64en/water%20ing/1/{ID}"), context))

    assert (outcome.namespace, outcome.doctype) == ("garden", "water ing")


def test_the_trial_with_a_space_in_an_application_is_stored(context):
    head, _, body = shared_trials("http-app-name-space.req").read_bytes().partition(b"\r\n\r\n")
    path = head.split(b" ")[1].decode()

    outcome = stored(convert(Submission(RECEIVED_AT, path, body), context))

    assert outcome.dimensions == BY_PAYLOAD
    assert "Own%20Browser" in record_of(outcome)["metadata"]["uri"]


@pytest.mark.parametrize(
    ("start", "count"),
    [("2026-11-21T16:12+5.5:00", 1), ("2026-11-21T16:12+05:30", 0), ("2026-11-21T16:12+17:00", 1)],
)
def test_a_glean_time_with_a_wrong_zone_is_counted_and_stored_unchanged(context, start, count):
    glean = {"ping_info": {"seq": 0, "start_time": start, "end_time": "2026-11-21T16:13+00:00"}}

    outcome = stored(convert(a_submission(glean, f"/submit/garden/watering/1/{ID}"), context))

    assert outcome.notes["tz_suspicious"] == count
    assert record_of(outcome)["ping_info"]["start_time"] == start
