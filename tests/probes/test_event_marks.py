"""Event records of a main ping, each with its marks."""

import pytest

from telemetry_server.outcomes.outcome import Stored
from tests.cli.test_probe_definitions import EVENTS
from tests.probes.samples import a_garden, a_main_ping, marks_of

GOOD = [1, "ui", "down", "button"]


@pytest.fixture(scope="module")
def garden(tmp_path_factory):
    return a_garden(
        tmp_path_factory.mktemp("garden"),
        Events_yaml=EVENTS.replace(
            b"1]", b"1]\n    release_channel_collection: opt-out\n    extra_keys: {a: A key.}"
        ),
    )


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([GOOD], {}),
        ([[*GOOD, None, {"a": "b"}]], {}),
        ([[1, "ui", "down"], [*GOOD, "v", {}, 7], {"ts": 1}, GOOD], {"tuple_shape": 3}),
        ([[time, *GOOD[1:]] for time in (-1, 1.5, "12")], {"bad_timestamp": 3}),
        ([[*GOOD, "é" * 40]], {"maybe_truncated": 1}),
        ([[*GOOD, "x" * 81]], {"over_limit": 1}),
        ([[1, "ui", "d" * 21, "button"]], {"over_limit": 1, "unknown_metric": 1}),
        ([[1, "ui", "down_", "button"]], {"identifier": 1, "unknown_metric": 1}),
        ([GOOD] * 1001, {"too_many_records": 1}),
        ([[*GOOD, None, {"a": None}]], {"extra_not_string": 1}),
        ([[*GOOD, None, {"b": "c"}]], {"extra_key_unknown": 1}),
        ([[*GOOD, None, {"a" * 16: "c"}]], {"extra_key_too_long": 1, "extra_key_unknown": 1}),
        ([[1, "ui", "sideways", "button"]], {"unknown_metric": 1}),
    ],
)
def test_an_event_record_is_kept_with_its_marks(garden, events, expected):
    """Neighbours of a broken record are not touched."""
    outcome, marks = marks_of(a_main_ping({"events": events}), garden)

    assert isinstance(outcome, Stored)
    assert marks == expected


def test_an_event_of_an_add_on_has_no_definition(garden):
    """Only its form is checked."""
    ping = a_main_ping({})
    ping["payload"]["processes"]["dynamic"] = {"events": [[1, "addon", "did", "it"]]}

    assert marks_of(ping, garden)[1] == {}
