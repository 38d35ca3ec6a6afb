"""Metadata fields of pings and headers: the decoder's acceptance cases, and hostile input."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.pings.client_identity import client_id_of, sample_id_of
from telemetry_server.pings.deletion_request import deletion_order_of
from telemetry_server.pings.metadata_fields import metadata_fields_of
from telemetry_server.pings.normalise import (
    normalized_app_name,
    normalized_channel,
    normalized_country_code,
    normalized_os,
    normalized_os_version,
)
from telemetry_server.pings.source_tags import is_automation, source_tags
from telemetry_server.pings.suspicious_times import utc_offset_minutes
from telemetry_server.pings.user_agent import user_agent_parts

U = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("client_id", "sample_id"),
    [
        (U, 54),
        ("AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE", 81),
        ("{AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE}", 81),
        ("00000000-0000-0000-0000-000000000000", 25),
    ],
)
def test_a_client_is_always_in_the_same_sample(client_id, sample_id):
    """Independent of the spelling of its id (case 29)."""
    said = metadata_fields_of({"clientId": client_id}, {}, doctype="main").fields

    assert said["client_id"] == client_id.strip("{}").lower()
    assert said["sample_id"] == sample_id == sample_id_of(said["client_id"])


@pytest.mark.parametrize(
    ("ping", "client_id"),
    [
        ({"client_info": {"client_id": U}, "clientId": "x"}, U),
        ({"client_id": U, "clientId": "x"}, U),
        ({"clientID": U}, U),
        ({"client_info": {"os": "Linux"}}, None),
        ({"client_info": {"client_id": None}, "clientId": U}, U),
        ({"clientId": "not-a-uuid"}, None),
        ({"clientId": f"{{{U}"}, None),
        ({"clientId": 7}, None),
        ({"clientId": None}, None),
        ({"client_info": [U]}, None),
        ({}, None),
    ],
)
def test_the_client_id_comes_from_the_ping(ping, client_id):
    """A ping without a client has no sample (cases 30, 43)."""
    said = metadata_fields_of(ping, {}, doctype="main").fields

    assert client_id_of(ping) == client_id
    assert said.get("client_id") == client_id
    assert ("sample_id" in said) == (client_id is not None)


@pytest.mark.parametrize(
    ("normalized", "sent", "expected"),
    [
        (normalized_channel, "nightly-cck-foo", "nightly"),
        (normalized_channel, "Beta", "Other"),
        (normalized_channel, "beta-x", "beta"),
        (normalized_channel, "esr", "esr"),
        (normalized_channel, "release-cck-x", "Other"),
        (normalized_os, "Windows_NT", "Windows"),
        (normalized_os, "WINNT", "Windows"),
        (normalized_os, "Darwin", "Mac"),
        (normalized_os, "Haiku", "Other"),
        (normalized_os, "GNU/kFreeBSD", "Linux"),
        (normalized_os, "iPhone OS", "iOS"),
        (normalized_os, "Android", "Android"),
        (normalized_os_version, "10.0.19041.5 x", "10.0.19041"),
        (normalized_os_version, "6.18.44-fc", "6.18.44"),
        (normalized_os_version, "v9", ""),
        (normalized_app_name, "Focus-TV", "Focus-TV"),
        (normalized_app_name, "Focus", "Focus"),
        (normalized_app_name, "FirefoxConnect 2", "FirefoxConnect"),
        (normalized_app_name, "Firefoxy", "Firefox"),
        (normalized_app_name, "firefox", "Other"),
        (normalized_country_code, "ca", "CA"),
        (normalized_country_code, "CAN", "Other"),
    ],
)
def test_normalised_names_are_the_expected_ones(normalized, sent, expected):
    """Case 35 and related rules."""
    assert normalized(sent) == expected


@pytest.mark.parametrize(
    ("ping", "system"),
    [
        ({"client_info": {"os": "Linux", "os_version": "6.18.44-fc"}}, ("Linux", "6.18.44")),
        ({"environment": {"system": {"os": {"name": "Windows_NT", "version": "10.0"}}}}, ("Windows", "10.0")),
        ({"os": "Android", "osversion": "9"}, ("Android", "9")),
        ({"info": {"OS": "WINNT", "version": "6.1"}}, ("Windows", "6.1")),
        ({"environment": {"system": None}}, (None, None)),
        ({"os": 7}, (None, None)),
    ],
)
def test_the_system_is_found_in_each_kind_of_ping(ping, system):
    """Missing fields stay missing (case 46)."""
    said = metadata_fields_of(ping, {}, doctype="x").fields

    assert (said.get("normalized_os"), said.get("normalized_os_version")) == system


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:59.0) Gecko/20100101 Firefox/59.0", ("Firefox", "59", "Linux")),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/120.0.0.0 Safari/537.36 Edg/121.0",
            ("Edge", "121", "Windows 10"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.0 Mobile/15E148 Safari/604.1",
            ("Safari", "17", "iPhone"),
        ),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", ("MSIE", "11", "Windows 7")),
        ("Firefox-iOS-Sync/10.3b1 (iPad; iPhone OS 10.3) (Firefox)", ("FxSync", "10", "iPad")),
        ("Glean/67.3.2 (Rust on Linux)", (None, None, "Linux")),
        ("curl/8.5", (None, None, None)),
    ],
)
def test_a_user_agent_is_reduced_to_three_fields(header, parts):
    """The header is removed: it would reveal more about a user than is needed."""
    found = metadata_fields_of({}, {"user_agent": header, "date": "x"}, doctype="x")
    agent = found.fields.get("user_agent", {})

    assert (agent.get("browser"), agent.get("version"), agent.get("os")) == parts
    assert found.header == {"date": "x"}


@pytest.mark.parametrize("text", ["a" * 1024, "Opera Mobi) " * 85, "Version/1 " * 100, "Edg/" * 250])
def test_every_user_agent_is_parsed_quickly(text, benchmark_seconds=0.2):
    """Clients can send any text; what counts is the time of the processor."""
    start = time.process_time()
    user_agent_parts(text)

    assert time.process_time() - start < benchmark_seconds


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("automation,bed-2", ("automation", "bed-2")),
        ("a, b ,c", ("a", "b", "c")),
        ("a,b,c,d,e", ("a", "b", "c", "d", "e")),
        ("a,b,c,d,e,f", None),
        ("glean-x", None),
        ("x" * 21, None),
        ("a,,b", None),
        ("tag_1", None),
        ("", None),
    ],
)
def test_an_invalid_list_of_tags_is_ignored(header, tags):
    """The header is counted; the ping is stored (case 40)."""
    found = metadata_fields_of({}, {"x_source_tags": header, "x_debug_id": "plot-1"}, doctype="x")

    assert source_tags(header) == tags
    assert ("x_source_tags" in found.header) == (tags is not None)
    assert found.notes == ({} if tags is not None else {"bad_source_tags": 1})
    assert found.header["x_debug_id"] == "plot-1"
    assert is_automation(header) == (tags is not None and "automation" in tags)


@pytest.mark.parametrize("header", ["has space", "x" * 21, "", "<script>"])
def test_an_invalid_debug_id_is_dropped(header):
    """It is printed on terminals."""
    found = metadata_fields_of({}, {"x_debug_id": header}, doctype="x")

    assert found.header == {}
    assert found.notes == {"bad_debug_id": 1}


@pytest.mark.parametrize(
    ("seen", "count"),
    [
        ("2026-11-21T16:12+17:00", 1),
        ("2026-11-21T16:12-07:00", 0),
        ("2026-11-21T16:12+14:00", 0),
        ("2026-11-21+00:00", 0),
        ("2026-11-21T16:12+05:30", 0),
        ("2026-11-21T16:12+5.5:00", 1),
        ("2026-11-21T16:12:01.000-3.5:00", 1),
        ("2026-11-21T16:12+12.75:00", 1),
        ("2026-11-21", 0),
        ("5.5:00", 0),
        (7, 0),
    ],
)
def test_an_impossible_zone_is_counted(seen, count):
    """The ping is stored unchanged (case 44)."""
    ping = {
        "ping_info": {"start_time": "2026-11-21T16:12:01.000+00:00"},
        "client_info": {"first_run_date": "2026-11-21+00:00"},
        "metrics": {"datetime": {"plot.seen": seen}},
    }

    assert metadata_fields_of(ping, {}, doctype="x").notes["tz_suspicious"] == count


@pytest.mark.parametrize(
    ("time", "minutes"),
    [
        ("2026-11-21T16:12+05:30", 330),
        ("2026-11-21T16:12+5.5:00", 330),
        ("2026-11-21T16:12+5.75:00", 345),
        ("2026-11-21T16:12:01.000-3.5:00", -210),
        ("2026-11-21T16:12+10.5:00", 630),
        ("2026-11-21-00:00", 0),
        ("2026-11-21T16:12+17:00", 1020),
        ("2026-11-21T16:12+5.3:00", None),
        ("2026-11-21T16:12", None),
        ("2026-11-21", None),
    ],
)
def test_the_offset_of_a_glean_time_is_parsed(time, minutes):
    """Glean.js writes the hours of half-hour and quarter-hour zones as a fraction."""
    assert utc_offset_minutes(time) == minutes


def test_a_deletion_request_has_an_order_with_all_its_ids():
    """First that of the client, then those in metrics, each once; other pings have no order."""
    other = "22222222-2222-4222-8222-222222222222"
    ping = {
        "client_info": {"client_id": U.upper()},
        "metrics": {"uuid": {"legacy.client_id": other, "again": U, "broken": "x", "worse": 7}},
    }

    assert deletion_order_of("deletion-request", ping) == {"ids": [U, other]}
    assert metadata_fields_of(ping, {}, doctype="deletion-request").fields["deletion_order"] == {
        "ids": [U, other]
    }
    assert metadata_fields_of({"clientId": U}, {}, doctype="deletion-request").fields["deletion_order"] == {
        "ids": [U]
    }
    assert "deletion_order" not in metadata_fields_of(ping, {}, doctype="baseline").fields


class _Atlas:
    """A database with two addresses."""

    def find(self, address: str) -> dict[str, str]:
        return {"192.0.2.0": {"country": "CA", "subdivision1": "NS"}, "198.51.100.0": {}}[address]


def test_the_place_of_an_address_is_stored_but_not_the_address():
    """Unknown fields are omitted."""
    found = metadata_fields_of({}, {}, doctype="x", address="192.0.2.0", geo=_Atlas()).fields

    assert found == {"geo": {"country": "CA", "subdivision1": "NS"}, "normalized_country_code": "CA"}
    assert metadata_fields_of({}, {}, doctype="x", address="198.51.100.0", geo=_Atlas()).fields == {}
    assert metadata_fields_of({}, {}, doctype="x", address=None, geo=_Atlas()).fields == {}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_names = ("client_info", "ping_info", "metrics", "environment", "info", "clientId", "client_id", "os")


@given(ping=st.fixed_dictionaries({}, optional=dict.fromkeys(_names, _json)), value=_json)
def test_any_ping_has_metadata_fields(ping: dict[str, Any], value: Any):
    """With any JSON in any of the fields that are read."""
    before = repr(ping)
    metadata_fields_of(
        ping, {"user_agent": str(value)}, doctype="deletion-request", app_name=value, channel=value
    )

    assert repr(ping) == before
