"""One histogram against its definition: rows, and each reason to drop it, in the contract's order."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from histogram_specs.spec_file import parse_spec_file
from telemetry_server.convert.histograms.definitions import Definition, SpecDefinitions
from telemetry_server.convert.histograms.histogram_check import Dropped, checked_row, row_of
from telemetry_server.convert.histograms.self_description import SelfDescription
from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import HistogramReason
from tests.convert.payloads.samples import (
    COUNT_ROW,
    COUNT_SENT,
    EXP_ROW,
    EXP_SENT,
    FLAG_ROW,
    FLAG_SENT,
    INFO,
    SPECS,
    a_context,
    a_submission,
    classic,
    dropped,
    record_of,
    stored,
)

REASON = HistogramReason


@pytest.fixture
def context(tmp_path):
    return a_context(tmp_path)


def flag(**changes: Any) -> dict[str, Any]:
    """A good flag but for *changes*; one to None takes the field out."""
    return {name: value for name, value in (FLAG_SENT | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("name", "sent", "row"),
    [
        ("FLAG", FLAG_SENT, FLAG_ROW),
        ("EXP", EXP_SENT, EXP_ROW),
        ("COUNT", COUNT_SENT, COUNT_ROW),
        ("STARTUP_FLAG", FLAG_SENT, FLAG_ROW),
        ("BOOL", {"values": {"1": 5}}, [0, 5, 0, -1, -1, -1, -1, -1]),
        ("ENUM4", {"values": {"4": 1}, "histogram_type": 1}, [0, 0, 0, 0, 1, -1, -1, -1, -1, -1]),
        ("LINEAR", {"values": {"100": 1, "0": 2}, "range": [1, 100]}, [2, *[0] * 10, 1, *[-1] * 5]),
        ("EXP50", {"values": {"17": 3}}, [*[0] * 12, 3, *[0] * 37, *[-1] * 5]),
        (
            "CATEGORIES",
            {"values": {"2": 3}, "bucket_count": 51, "histogram_type": 5},
            [0, 0, 3, *[0] * 48, *[-1] * 5],
        ),
        ("FLAG", {"values": {}}, [0, 0, 0, -1, -1, -1, -1, -1]),
        ("FLAG", {"values": {"0": 2**63 - 1}}, [2**63 - 1, 0, 0, -1, -1, -1, -1, -1]),
        ("FLAG", {"values": {}, "sum": -2.5, "log_sum": 0}, [0, 0, 0, -2.5, 0, -1, -1, -1]),
        # Null counts as a missing field, and unknown fields are not kept.
        ("FLAG", FLAG_SENT | {"log_sum": None, "extra": [1]}, FLAG_ROW),
        (
            "FLAG",
            {"values": {"0": 1}, "range": None, "bucket_count": None, "sum": None},
            [1, 0, 0, *[-1] * 5],
        ),
    ],
)
def test_a_good_histogram_becomes_its_row(context, name, sent, row):
    outcome = convert(a_submission(classic({name: sent})), context)

    assert record_of(outcome)["histograms"] == {name: row}
    assert stored(outcome).histograms_kept == 1


def test_a_startup_histogram_keeps_its_whole_name(context):
    """Buckets 17, 18 and 19 of 1..60000 in 50 start at 62, 77 and 95."""
    values = {"62": 0, "77": 1, "95": 0}
    sent = {"values": values, "sum": 77, "log_sum": 4.356709003448486, "log_sum_squares": 18.980913162231445}

    row = record_of(convert(a_submission(classic({"STARTUP_DNS_T": sent})), context))["histograms"][
        "STARTUP_DNS_T"
    ]

    assert len(row) == 55
    assert [position for position, count in enumerate(row[:50]) if count] == [18]
    assert row[50:] == [77, 4.356709003448486, 18.980913162231445, -1, -1]


CASES = [
    # Malformed: before anything is looked up.
    ("FLAG", 5, REASON.MALFORMED),
    ("FLAG", None, REASON.MALFORMED),
    ("FLAG", FLAG_ROW, REASON.MALFORMED),
    ("FLAG", "x", REASON.MALFORMED),
    ("FLAG", {}, REASON.MALFORMED),
    ("FLAG", flag(values=[1]), REASON.MALFORMED),
    ("FLAG", FLAG_SENT | {"values": None}, REASON.MALFORMED),
    ("FLAG", flag(histogram_type="3"), REASON.MALFORMED),
    ("FLAG", flag(histogram_type=True), REASON.MALFORMED),
    ("BOOL", flag(histogram_type=2.0), REASON.MALFORMED),
    ("FLAG", flag(bucket_count="3"), REASON.MALFORMED),
    ("FLAG", flag(bucket_count=3.0), REASON.MALFORMED),
    ("FLAG", flag(range="1-2"), REASON.MALFORMED),
    ("FLAG", flag(range=[1]), REASON.MALFORMED),
    ("FLAG", flag(range=[1, 2, 3]), REASON.MALFORMED),
    ("FLAG", flag(range=[1, "2"]), REASON.MALFORMED),
    ("FLAG", flag(range=[True, 2]), REASON.MALFORMED),
    ("FLAG", flag(range=[1.0, 2]), REASON.MALFORMED),
    ("FLAG", flag(sum="0"), REASON.MALFORMED),
    ("FLAG", flag(sum=False), REASON.MALFORMED),
    ("FLAG", flag(log_sum=[]), REASON.MALFORMED),
    ("FLAG", flag(log_sum_squares={}), REASON.MALFORMED),
    ("FLAG", flag(sum_squares_lo="x"), REASON.MALFORMED),
    ("FLAG", flag(sum_squares_hi="x"), REASON.MALFORMED),
    ("UNDEFINED", flag(sum="0"), REASON.MALFORMED),
    ("BROKEN", 5, REASON.MALFORMED),
    ("KEYED_COUNT", COUNT_SENT, REASON.MALFORMED),
    ("KEYED_COUNT", COUNT_SENT | {"histogram_type": 1}, REASON.MALFORMED),
    # Unknown, or of no use.
    ("UNDEFINED", FLAG_SENT, REASON.UNKNOWN_HISTOGRAM),
    ("flag", FLAG_SENT, REASON.UNKNOWN_HISTOGRAM),
    ("", FLAG_SENT, REASON.UNKNOWN_HISTOGRAM),
    ("STARTUP_", FLAG_SENT, REASON.UNKNOWN_HISTOGRAM),
    ("STARTUP_STARTUP_FLAG", FLAG_SENT, REASON.UNKNOWN_HISTOGRAM),
    ("UNDEFINED", flag(values={"9": -1}, bucket_count=7), REASON.UNKNOWN_HISTOGRAM),
    ("BROKEN", EXP_SENT, REASON.UNUSABLE_SPEC),
    ("STARTUP_BROKEN", EXP_SENT | {"values": {"x": "y"}}, REASON.UNUSABLE_SPEC),
    # Not what is defined.
    ("FLAG", flag(histogram_type=2), REASON.TYPE_MISMATCH),
    ("FLAG", flag(histogram_type=0, bucket_count=4, range=[1, 9]), REASON.TYPE_MISMATCH),
    ("FLAG", flag(bucket_count=4), REASON.BUCKET_COUNT_MISMATCH),
    ("FLAG", flag(bucket_count=4, range=[1, 9]), REASON.BUCKET_COUNT_MISMATCH),
    ("FLAG", flag(range=[0, 2]), REASON.RANGE_MISMATCH),
    ("FLAG", flag(range=[1, 3], values={"9": 1}), REASON.RANGE_MISMATCH),
    # Buckets.
    ("FLAG", flag(values={"999": 1}), REASON.INVALID_BUCKET),
    ("EXP", EXP_SENT | {"values": {"17": 1}}, REASON.INVALID_BUCKET),
    ("EXP50", {"values": {"18": 1}}, REASON.INVALID_BUCKET),
    *[
        ("FLAG", flag(values={key: 1}), REASON.INVALID_BUCKET)
        for key in (
            "",
            "x",
            " 1",
            "1 ",
            "01",
            "+1",
            "-1",
            "1.0",
            "1e0",
            "0x1",
            "\N{ARABIC-INDIC DIGIT ONE}",
            "1\n",
            "1" * 1000,
        )
    ],
    ("FLAG", flag(values={"999": "x"}), REASON.INVALID_BUCKET),
    ("FLAG", flag(values={"0": "x", "999": 1}), REASON.INVALID_BUCKET),
    # Counts.
    *[
        ("FLAG", flag(values={"0": 1, "1": count}), REASON.INVALID_COUNT)
        for count in ("two", "1", 1.0, 1.5, True, False, None, [], {}, -1, 2**63, 2**64 - 1)
    ],
]


@pytest.mark.parametrize(("name", "sent", "reason"), CASES)
def test_a_bad_histogram_is_dropped_with_the_first_reason_that_applies(context, name, sent, reason):
    """The ping is stored with its other histograms."""
    outcome = convert(
        a_submission(classic({"EXP": EXP_SENT, "BOOL": {"values": {}}} | {name: sent})), context
    )

    record = record_of(outcome)
    assert dropped(outcome) == {reason.value: 1}
    [gone] = stored(outcome).dropped
    assert (gone.name, gone.value) == (name, sent)
    assert gone.where == f"histograms.{name}"
    assert gone.detail.isprintable()
    assert len(gone.detail) < 300
    assert sorted(record["histograms"]) == sorted({"EXP", "BOOL"} - {name})
    assert record["metadata"]["dropped_histograms"] == {reason.value: 1}


def test_a_count_past_64_bits_drops_only_its_histogram(context):
    body = (
        b'{"ver":1,"info":{"revision":"%s"},"histograms":{"FLAG":{"values":{"0":18446744073709551616}},'
        b'"BOOL":{"values":{}}}}' % INFO["revision"].encode()
    )

    outcome = convert(a_submission(body), context)

    assert dropped(outcome) == {"invalid_count": 1}
    assert stored(outcome).histograms_kept == 1


def test_each_key_of_a_keyed_histogram_is_packed(context):
    """A name without keys is removed."""
    keyed = {
        "KEYED_COUNT": {"good": COUNT_SENT, "bad": COUNT_SENT | {"bucket_count": 9}, "worse": 5},
        "STARTUP_KEYED_COUNT": {"bad": COUNT_SENT | {"histogram_type": 0}},
        "UNDEFINED": {"a": COUNT_SENT, "b": COUNT_SENT},
        "FLAG": {"k": FLAG_SENT},
        "EXP": [EXP_SENT],
        "BOOL": {},
    }

    outcome = convert(a_submission(classic({}, keyedHistograms=keyed)), context)

    assert record_of(outcome)["keyedHistograms"] == {"KEYED_COUNT": {"good": COUNT_ROW}}
    assert stored(outcome).histograms_kept == 1
    assert dropped(outcome) == {
        "malformed": 3,
        "bucket_count_mismatch": 1,
        "type_mismatch": 1,
        "unknown_histogram": 2,
    }
    assert {histogram.where for histogram in stored(outcome).dropped} >= {
        "keyedHistograms.KEYED_COUNT.bad",
        "keyedHistograms.UNDEFINED.b",
        "keyedHistograms.EXP",
    }


def test_names_and_keys_cannot_break_a_line(context):
    outcome = convert(a_submission(classic({"A\nB\0": 5, "C" * 1000: 5})), context)

    for histogram in stored(outcome).dropped:
        assert histogram.where.isprintable()
        assert len(histogram.where) < 200


def test_rows_of_a_ping_cannot_fill_the_memory(tmp_path):
    """A few bytes require a row of ten thousand numbers."""
    specs = {"WIDE": {"kind": "linear", "high": 20_000, "n_buckets": 10_000, "keyed": True}}
    keyed = {"WIDE": {str(key): {"values": {}} for key in range(1_000)}}

    outcome = convert(a_submission(classic({}, keyedHistograms=keyed)), a_context(tmp_path, specs))

    assert not hasattr(outcome, "record")
    assert outcome.reason.value == "too_large"


SPEC_FILE_DEFINITIONS = SpecDefinitions(parse_spec_file(json.dumps(SPECS).encode()))
NUMBERS = st.integers(-2, 6) | st.sampled_from(
    [1.0, 3.0, True, False, None, "3", 2**63 - 1, 2**63, -1.5, [], {}]
)
HISTOGRAMS = st.fixed_dictionaries(
    {},
    optional={
        "values": st.dictionaries(
            st.sampled_from(["0", "1", "2", "3", "8", "01", "", "x"]), NUMBERS, max_size=4
        )
        | NUMBERS,
        "histogram_type": NUMBERS,
        "bucket_count": st.sampled_from([3, 5, 10]) | NUMBERS,
        "range": st.sampled_from([[1, 2], [1, 4], [1, 3000], [1.0, 2], [True, 2], [1], "x"]) | NUMBERS,
        "sum": NUMBERS,
        "log_sum": NUMBERS,
        "log_sum_squares": NUMBERS,
        "sum_squares_lo": NUMBERS,
        "sum_squares_hi": NUMBERS,
        "other": NUMBERS,
    },
)


@given(st.sampled_from(sorted(SPECS)), HISTOGRAMS | NUMBERS)
def test_the_inner_loop_accepts_only_what_the_rule_accepts(name, histogram):
    """The row is the same."""
    for definitions in (SPEC_FILE_DEFINITIONS, SelfDescription()):
        if not isinstance(histogram, dict):
            continue
        definition = definitions.definition(name, histogram)
        if not isinstance(definition, Definition):
            continue
        quick = row_of(histogram, definition)
        try:
            slow = checked_row(name, histogram, bool(definition.keyed), definitions)
        except Dropped:
            slow = None
        if quick is not None:
            assert slow == quick
            assert list(map(type, slow)) == list(map(type, quick))
        elif slow is not None:
            assert None in histogram.values(), "only a null is left to the slow way"


@given(HISTOGRAMS | NUMBERS)
def test_any_histogram_is_kept_or_dropped(histogram):
    for definitions in (SPEC_FILE_DEFINITIONS, SelfDescription()):
        for keyed in (False, True):
            try:
                row = checked_row("EXP", histogram, keyed, definitions)
            except Dropped as dropped_one:
                assert dropped_one.detail.isprintable()
            else:
                assert len(row) >= 7
