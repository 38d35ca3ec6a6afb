"""Definitions that releases of Firefox read differently: the sent fields decide the release."""

from typing import Any

import pytest

from telemetry_server.convert.pipeline import convert
from tests.convert.payloads.samples import a_context, a_submission, classic, record_of, stored
from tests.support.shared_data import shared_trials

EVENTS = "EVENTS"  # mozilla::StartupTimeline::MAX_EVENT_ID
REASONS = "REASONS"  # JS::gcreason::NUM_TELEMETRY_REASONS
CATEGORIES = "CATEGORIES"  # three labels, no n_values


@pytest.fixture
def context(tmp_path):
    return a_context(tmp_path)


def sent(count: int, values: dict[str, int] | None = None, **changes: Any) -> dict[str, Any]:
    """What a client with *count* buckets sends."""
    histogram = {
        "range": [1, count - 1],
        "bucket_count": count,
        "values": {"0": 5} if values is None else values,
    }
    return {name: value for name, value in (histogram | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("name", "histogram", "count"),
    [
        # Firefox until 52, and from 53 on.
        (CATEGORIES, sent(4), 4),
        (CATEGORIES, sent(51), 51),
        # Firefox 17 and 24, 31, 38 and 45.
        (EVENTS, sent(12), 12),
        (EVENTS, sent(15), 15),
        (EVENTS, sent(17), 17),
        (REASONS, sent(101), 101),
        # Where the count was not sent the range decides, and where neither was the buckets do.
        (EVENTS, sent(15, bucket_count=None), 15),
        (EVENTS, sent(17, range=None), 17),
        (EVENTS, {"values": {"11": 1}}, 12),
        (EVENTS, {"values": {"14": 1}}, 15),
        (EVENTS, {"values": {"0": 1, "16": 1}}, 17),
        (CATEGORIES, {"values": {"3": 1}}, 51),
        (CATEGORIES, {"values": {"3": 1}, "bucket_count": None, "range": [1, 3]}, 4),
    ],
)
@pytest.mark.parametrize("fully", [False, True])
def test_a_row_has_the_buckets_of_the_clients_release(context, name, histogram, count, fully):
    outcome = convert(a_submission(classic({name: histogram})), context, fully=fully)

    row = record_of(outcome)["histograms"][name]
    assert len(row) == count + 5
    assert {str(position): n for position, n in enumerate(row[:count]) if n} == histogram["values"]


@pytest.mark.parametrize(
    ("name", "histogram", "reason", "detail"),
    [
        (
            CATEGORIES,
            sent(20),
            "bucket_count_mismatch",
            "bucket_count 20 was sent, the definition says 51 or 4",
        ),
        (CATEGORIES, sent(5), "bucket_count_mismatch", "says 51 or 4"),
        (
            EVENTS,
            sent(13),
            "bucket_count_mismatch",
            "bucket_count 13 was sent, the definition says 12 or 15 or 17",
        ),
        (REASONS, sent(102), "bucket_count_mismatch", "bucket_count 102 was sent, the definition says 101"),
        # The count fits one release, the other fields fit another.
        (EVENTS, sent(15, range=[1, 16]), "range_mismatch", "the definition says [1, 14]"),
        (EVENTS, sent(12, values={"14": 1}), "invalid_bucket", "bucket '14'"),
        (EVENTS, sent(12, range=[1, 9], bucket_count=None), "range_mismatch", "the definition says [1, 11]"),
        (EVENTS, {"values": {"99": 1}}, "invalid_bucket", "bucket '99'"),
        (EVENTS, sent(12, histogram_type=5), "type_mismatch", "says 1"),
    ],
)
def test_a_histogram_that_fits_no_release_is_dropped(context, name, histogram, reason, detail):
    submission = a_submission(classic({name: histogram}))
    outcome = convert(submission, context)

    assert stored(outcome).histograms_kept == 0
    [dropped] = stored(outcome).dropped
    assert (dropped.name, dropped.reason) == (name, reason)
    assert detail in dropped.detail
    assert outcome == convert(submission, context, fully=True)


def test_the_release_is_found_for_each_key_of_a_keyed_histogram(context):
    histograms = {"KEYED_CATEGORIES": {"old": sent(5), "new": sent(51), "neither": sent(20)}}
    outcome = convert(a_submission(classic(keyedHistograms=histograms)), context)

    kept = record_of(outcome)["keyedHistograms"]["KEYED_CATEGORIES"]
    assert {key: len(row) for key, row in kept.items()} == {"old": 10, "new": 56}
    assert [dropped.reason for dropped in stored(outcome).dropped] == ["bucket_count_mismatch"]


def test_the_trial_of_labels_plus_one_is_kept_in_both_eras(tmp_path):
    """Firefox 52 ESR sends labels + 1 buckets, Firefox 55 sends 51, both of one revision."""
    context = a_context(
        tmp_path,
        shared_trials("specs-labels", "Histograms.json").read_bytes(),
        revision="releases/mozilla-esr52/525252525252",
    )
    lines = shared_trials("categorical-labels-plus-one.txt").read_bytes().splitlines()
    found = []
    for line in lines:
        _, body = line.split(b"\t")
        record = record_of(convert(a_submission(body), context))
        found.append(
            (
                len(record["histograms"]["OWN_CHOICE"]),
                len(record["keyedHistograms"]["OWN_CHOICE_BY_KEY"]["k"]),
            )
        )

    assert found == [(4 + 5, 5 + 5), (51 + 5, 51 + 5)]
