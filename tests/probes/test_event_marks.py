"""Event records of a main ping, each with its marks."""

from dataclasses import replace

import pytest

from telemetry_server.outcomes.outcome import Stored
from telemetry_server.probes.stores import parse_stores
from tests.cli.test_probe_definitions import EVENTS
from tests.probes.samples import a_garden, a_main_ping, a_ping, marks_of

GOOD = [1, "ui", "down", "button"]


@pytest.fixture(scope="module")
def garden(tmp_path_factory):
    return a_garden(
        tmp_path_factory.mktemp("garden"),
        Events_yaml=EVENTS.replace(
            b"1]", b"1]\n    release_channel_collection: opt-out\n    extra_keys: {a: A key.}"
        ),
    )


CASES = [
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
]


@pytest.mark.parametrize(("events", "expected"), CASES)
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


def an_event_ping(parent, **more):
    """Return an event ping with the events of *parent*."""
    payload = {"reason": "periodic", "lostEventsCount": 0, "events": {"parent": parent}}
    return a_ping({**payload, **more}, "event")


@pytest.fixture(scope="module")
def events_garden(garden):
    """The garden, where event pings have a table."""
    return replace(garden, stores=parse_stores(b'[event]\nstore = "main"\n'))


@pytest.mark.parametrize(("events", "expected"), CASES)
def test_the_records_of_an_event_ping_have_the_same_marks(events_garden, events, expected):
    """If its doctype has a table."""
    assert marks_of(an_event_ping(events), events_garden)[1] == expected


@pytest.mark.parametrize(("events", "expected"), CASES)
def test_without_definitions_only_the_grammar_of_events_is_checked(events_garden, events, expected):
    """The ping names no revision."""
    by_definition = ("unknown_metric", "extra_key_unknown")
    grammar = {name: count for name, count in expected.items() if name not in by_definition}

    marks = marks_of(an_event_ping(events, info={}), events_garden)[1]

    assert marks == {**grammar, "no_definitions": 1}


@pytest.mark.parametrize(
    ("reason", "lost", "expected"),
    [
        ("periodic", 4, {"lost_reason_mismatch": 1}),
        ("periodic", 0, {}),
        ("max", 4, {}),
        ("shutdown", 4, {}),
        (None, 1, {"lost_reason_mismatch": 1}),
        ("periodic", "4", {}),
    ],
)
def test_events_are_lost_for_two_reasons_only(events_garden, reason, lost, expected):
    """The client counts what was too much for one ping."""
    ping = an_event_ping([GOOD], reason=reason, lostEventsCount=lost)

    assert marks_of(ping, events_garden)[1] == expected


def test_each_process_of_an_event_ping_may_have_a_thousand_records(events_garden):
    """The limit is not one of the ping."""
    ping = an_event_ping([], events={"parent": [GOOD] * 1001, "content": [GOOD] * 3, "main": [GOOD]})

    marks = marks_of(ping, events_garden)[1]

    assert marks == {"too_many_records": 1, "wrong_process": 3, "unknown_process": 1}


def test_an_event_ping_without_a_table_is_not_checked(garden):
    """As every doctype but main."""
    assert marks_of(an_event_ping([[1]]), garden)[1] == {}
