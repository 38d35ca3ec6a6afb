"""Uptake reports from the three carriers."""

import pytest

from telemetry_server.normandy.ratio import Ratio
from telemetry_server.normandy.uptake import uptake_of_events, uptake_of_histogram
from telemetry_server.normandy.uptake_report import delta_of, figures_of, revision_of
from telemetry_server.normandy.vocabulary import (
    HISTOGRAM,
    HISTOGRAM_WORDS,
    STATUSES,
    parse_source,
    read_status,
)
from telemetry_server.records.events import events_of
from telemetry_server.records.histograms import HistogramRow
from telemetry_server.records.sections import sections_of
from telemetry_server.records.shapes import Shape

CATEGORICAL = Shape("categorical", tuple(range(51)), HISTOGRAM_WORDS)


def an_event_ping(*events, section="parent"):
    return {"metadata": {"namespace": "telemetry"}, "payload": {"events": {section: list(events)}}}


def uptake(word, source, **extra):
    extra = extra if source is None else {"source": source, **extra}
    return [900, "uptake.remotecontent.result", "uptake", "normandy", word, extra]


def the_row(event):
    (row,) = uptake_of_events(
        events_of(an_event_ping(event), sections_of(an_event_ping(event))), is_glean=False
    )
    return row


CASES = {
    "A1": ("success", "normandy/runner", "runner", "", "success", ["RUNNER_SUCCESS"], []),
    "A2": (
        "custom_1_error",
        "normandy/action/show-heartbeat",
        "action",
        "show-heartbeat",
        "custom_1_error",
        ["ACTION_PRE_EXECUTION_ERROR"],
        [],
    ),
    "A3": (
        "custom_1_error",
        "normandy/recipe/88",
        "recipe",
        "88",
        "custom_1_error",
        ["RECIPE_ACTION_DISABLED"],
        [],
    ),
    "A4": (
        "backoff",
        "normandy/recipe/88",
        "recipe",
        "88",
        "backoff",
        ["RECIPE_DIDNT_MATCH_FILTER", "RECIPE_INCOMPATIBLE_CAPABILITIES"],
        [],
    ),
    "A5": (
        "signature_error",
        "normandy/recipe/5",
        "recipe",
        "5",
        "sign_error",
        ["RECIPE_INVALID_SIGNATURE"],
        ["alias_signature_error"],
    ),
    "A6": ("success", "normandy/widget/5", "unparsed", "", "success", [], ["source_unparsed"]),
    "A7": ("RUNNER_SUCCESS", "normandy/recipe/7", "recipe", "7", "success", [], ["word_not_in_kind"]),
    "A8": ("RECIPE_SUCCESS", "normandy/recipe/7", "recipe", "7", "success", ["RECIPE_SUCCESS"], []),
    "A9": ("pref_disabled", "normandy/runner", "runner", "", "pref_disabled", [], ["word_not_in_kind"]),
    "A11": ("success", None, "unparsed", "", "success", [], ["missing_source"]),
    "A17": (
        "success",
        "shield-recipe-client/runner",
        "runner",
        "",
        "success",
        ["RUNNER_SUCCESS"],
        ["alias_prefix"],
    ),
    "a word of no client": ("brilliant", "normandy/runner", "runner", "", "brilliant", [], ["word_unknown"]),
}


@pytest.mark.parametrize("case", CASES)
def test_an_event_is_read_by_the_kind_of_its_source(case):
    """The same word means different statuses for a runner, an action and a recipe."""
    word, source, kind, name, wire, names, anomalies = CASES[case]

    row = the_row(uptake(word, source))

    assert (row.carrier, row.kind, row.name) == ("event", kind, name)
    assert (row.word, list(row.names), list(row.anomalies)) == (wire, names, anomalies)
    assert (row.component, row.n) == ("normandy", 1)


def test_age_and_duration_are_numbers_in_text():
    """A10: a text that is not a number is counted and left out."""
    row = the_row(uptake("success", "normandy/runner", age="138", duration="x"))

    assert (row.age_seconds, row.duration_ms, row.anomalies) == (138, None, ("bad_number",))


def test_sources_of_other_components_keep_their_component():
    """They are stored, but are in no figure of Normandy."""
    row = the_row(uptake("success", "blocklists/addons"))

    assert (row.component, row.kind, row.anomalies) == ("blocklists", "unparsed", ())


def test_glean_events_carry_the_word_in_their_extra():
    """Carrier (c): the name says the component."""
    extra = {"value": "sign_error", "source": "normandy/recipe/5"}
    event = {
        "category": "uptake.remotecontent.result",
        "name": "uptake_normandy",
        "timestamp": 3,
        "extra": extra,
    }
    record = {"metadata": {"namespace": "firefox-desktop"}, "events": [event]}

    (row,) = uptake_of_events(events_of(record, sections_of(record)), is_glean=True)

    assert (row.carrier, row.kind, row.name, row.word) == ("glean", "recipe", "5", "sign_error")


def test_histogram_buckets_are_words():
    """A12 and A13: a bucket without a label is counted, its neighbours are unaffected."""
    row = HistogramRow(HISTOGRAM, "parent", "normandy/recipe/9", CATEGORICAL, (1, 10, 40), (1, 3, 2), 31)

    rows = list(uptake_of_histogram(row))

    assert [(one.word, one.n, one.anomalies) for one in rows] == [
        ("success", 1, ()),
        ("apply_error", 3, ()),
        (None, 2, ("label_index_unknown",)),
    ]
    (figures,) = figures_of([("histogram", one.kind, one.name, one.word, one.n) for one in rows], [], [])
    assert figures.as_json()["success_rate"]["value"] == 1 / 4


def test_a_histogram_of_another_shape_is_marked():
    """Its words may be others than those that the client meant."""
    row = HistogramRow(HISTOGRAM, "parent", "normandy/runner", Shape("linear", (0, 1, 2)), (1,), (1,), 1)

    assert next(uptake_of_histogram(row)).anomalies == ("histogram_shape",)


def test_carriers_are_never_added():
    """A14: four reports by two carriers are 4 and 4."""
    groups = [(carrier, "recipe", "9", "success", 4) for carrier in ("histogram", "event")]

    found = [one.as_json() for one in figures_of(groups, [], [])]

    assert [(one["carrier"], one["n"]) for one in found] == [("event", 4), ("histogram", 4)]


def test_recipes_that_are_not_for_a_client_are_not_attempts():
    """A15."""
    words = {"success": 6, "backoff": 90, "apply_error": 4}

    (figures,) = figures_of([("event", "recipe", "9", word, n) for word, n in words.items()], [], [])
    found = figures.as_json()

    assert (found["success_rate"]["numerator"], found["success_rate"]["denominator"]) == (6, 10)
    assert (found["strict_rate"]["value"], found["success_rate"]["value"]) == (0.06, 0.6)


def test_a_runner_without_reports_has_no_rate():
    """A16: never 0 % and never 100 %."""
    (figures,) = figures_of([], [], ["event"])

    assert figures.as_json()["success_rate"] == {
        "numerator": 0,
        "denominator": 0,
        "value": None,
        "low": None,
        "high": None,
    }


@pytest.mark.parametrize(("successes", "is_significant"), [(20, True), (88, False)])
def test_the_change_of_a_rate_is_flagged_where_the_intervals_do_not_overlap(successes, is_significant):
    """Against the window before; without attempts there is nothing to compare."""
    delta = delta_of(Ratio(successes, 100), Ratio(90, 100))

    assert delta["is_significant"] is is_significant
    assert delta["change"] == pytest.approx(successes / 100 - 0.9)
    assert delta_of(Ratio(0, 0), Ratio(1, 1)) is None
    assert delta_of(Ratio(1, 1), None) is None


def test_unparsed_sources_are_in_no_rate():
    """A6."""
    assert figures_of([("event", "unparsed", "", "success", 1)], [], []) == []


@pytest.mark.parametrize(("freshness", "revision"), [(1652.0, 1652), (1_530_000_000.0, None), (-1.0, None)])
def test_small_freshness_is_a_revision(freshness, revision):
    """A18: a revision is never shown as a date."""
    assert revision_of(freshness) == revision


@pytest.mark.parametrize("kind", STATUSES)
def test_every_status_is_read_from_both_spellings(kind):
    """All statuses of the documents, as wire word and by their long names."""
    for word, names in STATUSES[kind].items():
        assert read_status(kind, word).names == names == tuple(sorted(names))
        for name in names:
            assert read_status(kind, name).word == word


@pytest.mark.parametrize(
    "text", ["normandy", "normandy/", "normandy/recipe/x", "normandy/action/-x", "normandy/recipe/1 "]
)
def test_sources_outside_of_the_grammar_are_kept(text):
    """They are marked, never dropped."""
    assert parse_source(text).anomalies == ("source_unparsed",)
