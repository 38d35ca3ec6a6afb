"""Partition schemas: which values get their own folder."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import BadPartitionSchema
from storage.partitions.schema import (
    Anything,
    Between,
    Dimension,
    OneOf,
    PartitionSchema,
    parse_schema,
)
from storage.partitions.value_order import is_within, version_key
from tests.support.shared_data import shared_data

FIELDS = {
    "reason": "saved-session",
    "appName": "Firefox",
    "appUpdateChannel": "nightly",
    "appVersion": "23.0a1",
    "appBuildID": "20130607074752",
}


def test_the_default_has_the_five_dimensions_of_the_original_server():
    schema = PartitionSchema.default()

    assert schema.field_names == ("reason", "appName", "appUpdateChannel", "appVersion", "appBuildID")
    assert schema.values_of(FIELDS) == ("saved-session", "Firefox", "nightly", "23.0a1", "20130607074752")


def test_values_that_are_not_allowed_become_other_and_missing_ones_unknown():
    """A missing value is UNKNOWN only if the dimension allows any value."""
    schema = PartitionSchema.default()

    assert schema.values_of({"reason": "bogus", "appUpdateChannel": "default"}) == (
        "OTHER",
        "OTHER",
        "OTHER",
        "UNKNOWN",
        "UNKNOWN",
    )


def test_registered_doctypes_and_namespaces_are_allowed_as_well():
    schema = PartitionSchema.default(extra_reasons=["watering", "main"], extra_app_names=["garden"])

    assert schema.values_of({"reason": "watering", "appName": "garden"})[:2] == ("watering", "garden")
    assert schema.values_of({"reason": "weeding", "appName": "Garden"})[:2] == ("OTHER", "OTHER")


def test_numbers_and_booleans_are_filed_as_text_and_objects_as_missing():
    schema = PartitionSchema((Dimension("a", Anything()),))

    assert [schema.values_of({"a": value})[0] for value in (448, 1.5, True, "", None, [], {})] == [
        "448",
        "1.5",
        "true",
        "UNKNOWN",
        "UNKNOWN",
        "UNKNOWN",
        "UNKNOWN",
    ]


def a_schema(*allowed):
    """Return a schema whose dimensions d0, d1, … allow these values."""
    names = [f"d{number}" for number in range(len(allowed))]
    dimensions = [
        {"field_name": name, "allowed_values": each} for name, each in zip(names, allowed, strict=True)
    ]
    return parse_schema(json.dumps({"version": 1, "dimensions": dimensions}))


def test_a_list_of_values_is_applied_in_the_order_of_the_dimensions():
    schema = a_schema(["saved-session"], "*", ["nightly"], "*", "*", ["20130908"])
    values = ["bogus", "app", "aurora", "v", "b", "20140428"]

    assert schema.apply(values) == ("OTHER", "app", "OTHER", "v", "b", "OTHER")
    assert schema.apply([*values, "and", "three", "more"]) == schema.apply(values)
    assert schema.apply(["saved-session", None]) == ("saved-session", "UNKNOWN", *["OTHER"] * 4)


def test_a_single_string_allows_itself():
    assert a_schema("main").apply(["main"]) == ("main",)
    assert a_schema("main").apply(["mains"]) == ("OTHER",)


@pytest.mark.parametrize(
    ("value", "minimum", "maximum", "expected"),
    [
        # Dates: both ends are included.
        ("20130908", "20130908", "20140401", True),
        ("20140401", "20130908", "20140401", True),
        ("20130907", "20130908", "20140401", False),
        ("20140402", "20130908", "20140401", False),
        ("20140101", "20130908", None, True),
        ("20140101", None, "20130908", False),
        # Builds: a day as a bound includes that whole day, at both ends.
        ("20130607074752", None, "20130607", True),
        ("20130607235959", "20130607", "20130607", True),
        ("20130608000000", None, "20130607", False),
        ("20130606235959", "20130607", None, False),
        ("20130607074752", None, "20130607074751", False),
        ("20130607074752", 20130607, 20130607, True),
        # Numbers: by size, not by text.
        ("9", 1, 10, True),
        ("448", 448, 500, True),
        ("500.5", 448, 500, False),
        ("-1", 0, 500, False),
        ("99999999", 448, 500, False),
        # Versions.
        ("9.0", "8.0", "10.0", True),
        ("10.0", "9.0", "10.0", True),
        ("10", "9.0", "10.0", True),
        ("10.0.1", "9.0", "10.0", False),
        ("10.0a1", "10.0", None, False),
        ("10.0b3", "10.0a2", "10.0", True),
        ("23.0.1", 20, 30, True),
        # Values that cannot be compared are outside every range.
        ("UNKNOWN", "9.0", None, False),
        ("", None, "9.0", False),
        ("default", 1, None, False),
        ("٣", 1, 5, False),
    ],
)
def test_ranges_compare_dates_numbers_and_versions_by_their_own_order(value, minimum, maximum, expected):
    """In the order of texts, 20130607074752 is after 20130607, and 10.0 before 9.0."""
    assert is_within(value, minimum, maximum) is expected


def test_versions_sort_as_they_were_released():
    released = [
        "3.6.28",
        "9.0",
        "10.0a1",
        "10.0a2",
        "10.0b1",
        "10.0b9",
        "10.0b10",
        "10.0",
        "10.0esr",
        "10.0.2",
    ]

    assert sorted(set(released), key=version_key) == released


@given(st.text(), st.sampled_from(["9.0", "20130908", 5, 2.5]))
def test_any_text_can_be_compared_with_a_bound(value, bound):
    assert is_within(value, bound, None) in (True, False)
    assert is_within(value, None, bound) in (True, False)


def test_a_submission_date_in_a_schema_is_not_a_second_folder_level():
    """An operator's file may list it at any position."""
    schema = parse_schema(
        '{"version":1,"dimensions":[{"field_name":"reason","allowed_values":"*"},'
        '{"field_name":"submission_date","allowed_values":"*"}]}'
    )

    assert schema.field_names == ("reason",)
    assert schema.values_of({"reason": "main", "submission_date": "20130908"}) == ("main",)


@pytest.mark.parametrize("name", ["telemetry_schema.json", "telemetry_schema.test.json"])
def test_the_schemas_of_the_original_server_are_read(name):
    text = shared_data("probes", "telemetry-server-partition-schema", name).read_bytes()

    schema = parse_schema(text)

    assert schema.as_json() == json.loads(text)


def test_the_default_allows_all_values_of_the_original_schema():
    text = shared_data("probes", "telemetry-server-partition-schema", "telemetry_schema.json").read_bytes()

    for ours, theirs in zip(PartitionSchema.default().levels, parse_schema(text).levels, strict=True):
        assert ours.field_name == theirs.field_name
        values = theirs.allowed.values if isinstance(theirs.allowed, OneOf) else ("anything",)
        assert all(ours.allowed.allows(value) for value in values)


@pytest.mark.parametrize(
    ("app_name", "channel", "filed"),
    [
        ("Firefox", "esr", "esr"),
        ("Firefox", "default", "OTHER"),
        ("firefox-desktop", "esr", "esr"),
        ("org-mozilla-fenix", "debug", "debug"),
        ("org-mozilla-fenix", "canary", "OTHER"),
        # A registered namespace has its own channels.
        ("garden", "canary", "canary"),
        ("garden", "nightly", "nightly"),
        ("garden", None, "OTHER"),
    ],
)
def test_known_channels_and_those_of_registered_namespaces_have_folders(app_name, channel, filed):
    schema = PartitionSchema.default(extra_app_names=["garden"])

    assert schema.values_of({"appName": app_name, "appUpdateChannel": channel})[2] == filed


@pytest.mark.parametrize(
    "schema",
    [
        PartitionSchema.default(),
        PartitionSchema.default(["w"], ["garden"]),
        PartitionSchema((Dimension("a", OneOf(("b",))),)),
        a_schema({"max": 5}),
    ],
)
def test_a_schema_can_be_written_and_read_again(schema):
    assert parse_schema(json.dumps(schema.as_json())) == schema


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "invalid JSON"),
        ("[]", "must be an object"),
        ('{"version":1}', "dimensions"),
        ('{"version":2,"dimensions":[]}', "version"),
        ('{"version":true,"dimensions":[]}', "version"),
        ('{"version":1,"dimensions":[]}', "1 to 16"),
        ('{"version":1,"dimensions":[{"field_name":"submission_date","allowed_values":"*"}]}', "1 to 16"),
        ('{"version":1,"dimensions":[5]}', r"dimensions\[0\]"),
        ('{"version":1,"dimensions":[{"field_name":"a"}]}', r"dimensions\[0\]"),
        ('{"version":1,"dimensions":[{"field_name":"../a","allowed_values":"*"}]}', "field_name"),
        ('{"version":1,"dimensions":[{"field_name":"a","allowed_values":5}]}', "allowed_values"),
        ('{"version":1,"dimensions":[{"field_name":"a","allowed_values":[5]}]}', "allowed_values"),
        ('{"version":1,"dimensions":[{"field_name":"a","allowed_values":{}}]}', "allowed_values"),
        (
            '{"version":1,"dimensions":[{"field_name":"a","allowed_values":"*","any_value_of":"b"}]}',
            r"dimensions\[0\]\.any_value_of",
        ),
        (
            '{"version":1,"dimensions":[{"field_name":"a","allowed_values":{"min":1,"mox":2}}]}',
            "allowed_values",
        ),
        (
            '{"version":1,"dimensions":[{"field_name":"a","allowed_values":{"min":true}}]}',
            r"allowed_values\.min",
        ),
        (
            '{"version":1,"dimensions":[{"field_name":"a","allowed_values":{"max":"x y"}}]}',
            r"allowed_values\.max",
        ),
        (
            '{"version":1,"dimensions":[{"field_name":"a","allowed_values":"*"},'
            '{"field_name":"a","allowed_values":"*"}]}',
            '"a" is a dimension twice',
        ),
    ],
)
def test_the_error_of_an_invalid_schema_names_the_wrong_part(text, message):
    with pytest.raises(BadPartitionSchema, match=message):
        parse_schema(text)


def test_between_needs_no_minimum():
    assert Between(None, 5).as_json() == {"max": 5}
