"""Uptake and enrolments from the submission to the figures, by all three carriers."""

import json

import pytest

from telemetry_server.normandy.vocabulary import HISTOGRAM, HISTOGRAM_WORDS
from tests.support.data_root import REVISION, SPEC, World, a_ping, an_id, submitted

UPTAKE_SPEC = {
    HISTOGRAM: {
        "kind": "categorical",
        "keyed": True,
        "labels": list(HISTOGRAM_WORDS),
        "n_values": 50,
        "description": "uptake",
        "expires_in_version": "never",
    }
}
CLIENTS = [f"c0ffee{number:02x}-1234-4abc-8def-0123456789ab" for number in range(4)]
APPLICATION = {
    "name": "Firefox",
    "version": "60.0",
    "channel": "release",
    "buildId": "20180501000000",
    "architecture": "x86-64",
}
START_MS = 1_795_300_000_000 // 60_000 * 60_000


def an_event_ping(client, *events, section="parent", start=START_MS):
    return {
        "type": "event",
        "version": 4,
        "clientId": client,
        "application": APPLICATION,
        "environment": {},
        "payload": {"reason": "periodic", "processStartTimestamp": start, "events": {section: list(events)}},
    }


def uptake(timestamp, word, source, **extra):
    extra = {"source": source, **extra}
    return [timestamp, "uptake.remotecontent.result", "uptake", "normandy", word, extra]


def enrolment(timestamp, method, study, **extra):
    return [timestamp, "normandy", method, "preference_study", study, extra]


def a_histogram(counts):
    values = {str(HISTOGRAM_WORDS.index(word)): count for word, count in counts.items()}
    return {"range": [1, 50], "bucket_count": 51, "histogram_type": 5, "values": values, "sum": 1}


@pytest.fixture
async def world(tmp_path):
    world = World(tmp_path / "data")
    world.put_specs(REVISION, SPEC | UPTAKE_SPEC)
    main = a_ping(
        1, keyedHistograms={HISTOGRAM: {"normandy/recipe/9": a_histogram({"success": 1, "apply_error": 3})}}
    )
    first, second, third, _ = CLIENTS
    glean = {
        "client_info": {"client_id": CLIENTS[3], "app_build": "1", "app_channel": "release", "os": "Linux"},
        "ping_info": {"seq": 1, "start_time": "2026-11-22T10:00+00:00", "end_time": "2026-11-22T11:00+00:00"},
        "events": [
            {
                "timestamp": 0,
                "category": "normandy",
                "name": "enroll_preference_study",
                "extra": {"value": "tulips", "branch": "control", "experimentType": "exp"},
            },
            {
                "timestamp": 5,
                "category": "uptake.remotecontent.result",
                "name": "uptake_normandy",
                "extra": {"value": "success", "source": "normandy/recipe/9"},
            },
        ],
    }
    reports = [
        uptake(n, "success" if n == 1 else "apply_error", "normandy/recipe/9", age="60") for n in range(1, 5)
    ]
    submissions = [
        submitted(main, 1),
        submitted(
            an_event_ping(first, *reports, uptake(9, "success", "normandy/runner", age="138", duration="7")),
            2,
        ),
        submitted(
            an_event_ping(
                second,
                enrolment(10, "enroll", "tulips", branch="control", experimentType="exp"),
                enrolment(99, "unenroll", "tulips", didResetValue="true", reason="recipe-not-seen"),
            ),
            3,
        ),
        submitted(
            an_event_ping(third, enrolment(10, "enroll", "=tulips<b>", branch="x"), section="dynamic"), 4
        ),
        submitted(glean, 5, path=f"/submit/firefox-desktop/events/1/{an_id(5)}"),
    ]
    world.receive([*submissions, submissions[2]])
    await world.convert()
    assert world.check_tables() == []
    return world


@pytest.fixture
def normandy(world, capsys):
    from telemetry_server.cli.main import main

    def run(*words):
        status = main(["normandy", *words, "--data", str(world.root.path)])
        out, err = capsys.readouterr()
        assert (status, err) == (0, "")
        return out

    return run


def test_each_carrier_has_its_own_figures(normandy):
    """The same four reports by histogram and by events are four and four, never eight."""
    found = json.loads(normandy("recipes", "--json"))

    rows = {row["carrier"]: (row["name"], row["n"], row["words"]) for row in found["recipes"]}
    assert rows == {
        "histogram": ("9", 4, {"apply_error": 3, "success": 1}),
        "event": ("9", 4, {"apply_error": 3, "success": 1}),
        "glean": ("9", 1, {"success": 1}),
    }
    assert found["anomalies"] == {}


def test_ages_and_changes_are_given(normandy):
    """By word; the window before has no reports, so no change is known."""
    words = ("--from", "20261122", "--to", "20261122", "--carrier", "event", "--json")
    found = json.loads(normandy("uptake", *words))
    (runner,) = [row for row in found["uptake"] if row["kind"] == "runner"]

    assert runner["times"]["success"] == {
        "age_seconds_median": 138,
        "age_seconds_p95": 138,
        "duration_ms_median": 7,
        "duration_ms_p95": 7,
    }
    assert runner["delta"] is None


def test_studies_count_enrolments_by_carrier(normandy):
    """A repeated ping counts once, and the section of the event does not matter."""
    found = json.loads(normandy("studies", "--json"))

    rows = {(row["carrier"], row["study"]): (row["enrolled"], row["unenrolled"]) for row in found["studies"]}
    assert rows == {("event", "tulips"): (1, 1), ("event", "=tulips<b>"): (1, 0), ("glean", "tulips"): (1, 0)}


@pytest.mark.parametrize(
    ("words", "studies"),
    [
        (("--carrier", "glean"), 1),
        (("--channel", "release"), 3),
        (("--channel", "nightly"), 0),
        (("--version", "60.0"), 2),
        (("--from", "20261122", "--to", "20261122"), 3),
        (("--from", "20261123"), 0),
        (("--to", "20261121"), 0),
    ],
)
def test_figures_may_be_limited(normandy, words, studies):
    """By carrier, channel, version and days of arrival."""
    assert len(json.loads(normandy("studies", *words, "--json"))["studies"]) == studies


def test_csv_cells_are_never_formulas(normandy):
    """Study slugs come from clients."""
    assert "'=tulips<b>" in normandy("studies", "--csv")


def test_a_person_reads_rates_with_their_numbers(normandy):
    """Success rate, interval, numerator and denominator; a dash where nothing was counted."""
    text = normandy("uptake")

    assert "25.0 % (4.6 to 69.9; 1 of 4)" in text
    assert "\u2013" in text
    assert "tulips" in normandy("studies")


def test_the_tables_answer_sql(world):
    """With the columns that docs/sql.md names."""
    from telemetry_server import analysis

    with analysis.connect(world.root.path) as tables:
        rows = tables.execute(
            "SELECT carrier, kind, name, word, names, n, process, client_id IS NOT NULL, submission_timestamp"
            " FROM uptake WHERE carrier = 'histogram' ORDER BY word"
        ).fetchall()
        times = tables.execute(
            "SELECT epoch_ms(event_time), timestamp_ms, era, did_reset_value FROM enrollments"
            " WHERE method = 'unenroll'"
        ).fetchall()

    assert [row[:6] for row in rows] == [
        ("histogram", "recipe", "9", "apply_error", ["RECIPE_EXECUTION_ERROR"], 3),
        ("histogram", "recipe", "9", "success", ["RECIPE_SUCCESS"], 1),
    ]
    assert times == [(START_MS + 99, 99, "seed", True)]
