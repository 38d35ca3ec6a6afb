"""Parsing Histograms.json files of all Firefox versions."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from histogram_specs.errors import NotASpecFile
from histogram_specs.spec import HistogramKind, HistogramSpec
from histogram_specs.spec_file import MAX_DEFINITIONS, UnusableDefinition, parse_spec_file
from tests.histogram_specs.samples import file_of, text_of
from tests.support.shared_data import shared_data

FULL_FILES = [
    ("telemetry-server-ff23-a55c55edf302", 524),
    ("telemetry-server-ff24-8d3810543edc", 590),
    ("telemetry-server-ff25-ad0ae007aa9e", 624),
    ("telemetry-batch-view-d78f3bba1daf", 1497),
    ("gecko-56.0a1-33ce52b7c7ea", 1557),
]
# Definitions of these files that have no buckets, by file, with the reason.
UNRESOLVED: dict[str, dict[str, str]] = {}


@pytest.mark.parametrize(("folder", "count"), FULL_FILES)
def test_every_definition_of_the_full_files_resolves(folder, count):
    """Firefox 23, 24, 25, 56 and the file with 1,497 histograms, except those in a table."""
    text = shared_data("probes", folder, "Histograms.json").read_bytes()
    spec_file = parse_spec_file(text)

    assert len(spec_file) == count
    assert {one.name: one.detail for one in spec_file.unusable} == UNRESOLVED.get(folder, {})
    for name, written in json.loads(text).items():
        spec = spec_file.find(name)
        assert spec.name == name
        assert spec.kind == written["kind"]
        assert spec.keyed == written.get("keyed", False)
        assert spec.bucket_starts[0] == 0
        assert len(set(spec.bucket_starts)) == spec.bucket_count, name


@pytest.mark.parametrize("folder", [folder for folder, _ in FULL_FILES])
def test_only_definitions_that_releases_interpret_differently_have_several_counts(folder):
    """Those with a constant until 2015; categorical ones until the file shows the spare buckets."""
    text = shared_data("probes", folder, "Histograms.json").read_bytes()
    spec_file = parse_spec_file(text)
    several = {spec.name: counts_of(spec) for spec in spec_file if len(spec.all_buckets) > 1}

    if folder.startswith("telemetry-server-"):
        assert several == {"STARTUP_MEASUREMENT_ERRORS": [12, 15, 17]}
        assert counts_of(spec_file.find("GC_REASON_2")) == [101]
    elif folder.startswith("gecko-56"):
        assert several == {}
        assert counts_of(spec_file.find("STARTUP_MEASUREMENT_ERRORS")) == [17]
        assert counts_of(spec_file.find("TELEMETRY_TEST_CATEGORICAL")) == [51]
    else:
        assert several == {
            "FX_TAB_SWITCH_SPINNER_TYPE": [51, 4],
            "FX_PREFERENCES_CATEGORY_OPENED": [51, 14],
            "TELEMETRY_TEST_CATEGORICAL": [51, 4],
            "TELEMETRY_TEST_CATEGORICAL_OPTOUT": [51, 5],
            "BUSY_TAB_ABANDONED": [51, 8],
            "EXTENSION_INSTALL_PROMPT_RESULT": [51, 11],
        }
        assert counts_of(spec_file.find("TELEMETRY_TEST_CATEGORICAL_NVALUES")) == [71]


def counts_of(spec: HistogramSpec) -> list[int]:
    return [len(buckets.starts) for buckets in spec.all_buckets]


@pytest.mark.parametrize(
    ("definition", "counts"),
    [
        ({"kind": "categorical", "labels": ["a", "b", "c"]}, [51, 4]),
        # Two buckets are not possible, and with more than 49 labels all releases have the same.
        ({"kind": "categorical", "labels": ["a"]}, [51]),
        ({"kind": "categorical", "labels": []}, [51]),
        ({"kind": "categorical", "labels": [f"l{n}" for n in range(50)]}, [51]),
        ({"kind": "categorical", "labels": ["a", "b"], "n_values": 3}, [51]),
        ({"kind": "enumerated", "n_values": "mozilla::StartupTimeline::MAX_EVENT_ID"}, [12, 15, 17]),
        ({"kind": "enumerated", "n_values": "mozilla::StartupTimeline::MAX_EVENT_ID - 11"}, [4, 6]),
        (
            {
                "kind": "linear",
                "high": "mozilla::StartupTimeline::MAX_EVENT_ID",
                "n_buckets": "JS::gcreason::NUM_TELEMETRY_REASONS / 10",
            },
            [10],
        ),
    ],
)
def test_a_definition_has_the_counts_of_all_possible_releases(definition, counts):
    """The likeliest first; impossible buckets are omitted."""
    spec = file_of(A=definition).find("A")

    assert counts_of(spec) == counts
    assert spec.bucket_count == counts[0]
    for count in counts:
        assert len(spec.buckets_of_count(count).starts) == count
    assert spec.buckets_of_count(99) is None


def test_a_file_with_processes_everywhere_has_spare_buckets():
    """One definition without processes makes the release unknown."""
    choice = {"kind": "categorical", "labels": ["a", "b"], "record_in_processes": ["main"]}

    assert counts_of(file_of(A=choice, B={"kind": "flag", "record_in_processes": []}).find("A")) == [51]
    assert counts_of(file_of(A=choice, B={"kind": "flag"}).find("A")) == [51, 3]


@pytest.mark.parametrize(
    ("definition", "histogram_type", "expected_range", "count"),
    [
        ({"kind": "boolean"}, 2, (1, 2), 3),
        ({"kind": "flag"}, 3, (1, 2), 3),
        ({"kind": "count"}, 4, (1, 2), 3),
        ({"kind": "enumerated", "n_values": 4}, 1, (1, 4), 5),
        ({"kind": "enumerated", "n_values": "80 + 1"}, 1, (1, 81), 82),
        ({"kind": "enumerated", "n_values": "JS::gcreason::NUM_TELEMETRY_REASONS"}, 1, (1, 100), 101),
        ({"kind": "linear", "high": 100, "n_buckets": 12}, 1, (1, 100), 12),
        ({"kind": "exponential", "high": "3000", "n_buckets": "10"}, 0, (1, 3000), 10),
        ({"kind": "exponential", "low": 0, "high": 3000, "n_buckets": 10}, 0, (1, 3000), 10),
        ({"kind": "categorical", "labels": ["a", "b", "c"]}, 5, (1, 50), 51),
        ({"kind": "categorical", "labels": ["a"], "n_values": 70}, 5, (1, 70), 71),
        ({"kind": "categorical", "labels": [f"l{n}" for n in range(60)]}, 5, (1, 60), 61),
    ],
)
def test_each_kind_has_its_type_range_and_count(definition, histogram_type, expected_range, count):
    """The values that clients send besides the buckets."""
    spec = file_of(A=definition).find("A")

    assert (spec.histogram_type, spec.range, spec.bucket_count) == (histogram_type, expected_range, count)


def test_expressions_in_low_and_high_are_evaluated():
    """The memory probes of 2013."""
    spec = file_of(
        A={"kind": "exponential", "low": "32 * 1024", "high": "16 * 1024 * 1024", "n_buckets": 200}
    ).find("A")

    assert spec.bucket_starts[:4] == (0, 32768, 33817, 34899)
    assert spec.bucket_starts[-1] == 16777216
    assert spec.low == 32768


@pytest.mark.parametrize(
    ("definition", "detail"),
    [
        (1, "not an object"),
        ({}, "no kind"),
        ({"kind": "bogus"}, "'bogus'"),
        ({"kind": ["flag"]}, "is unknown"),
        ({"kind": "enumerated"}, "no n_values"),
        ({"kind": "enumerated", "n_values": 1}, "2 linear buckets from 1 to 1 do not exist"),
        ({"kind": "enumerated", "n_values": "nsUnknown::COUNT"}, "not a known constant"),
        ({"kind": "enumerated", "n_values": 10_000}, "10001"),
        ({"kind": "enumerated", "n_values": True}, "n_values True"),
        ({"kind": "linear", "high": 10.5, "n_buckets": 5}, "high 10.5"),
        ({"kind": "linear", "high": 10}, "no n_buckets"),
        ({"kind": "exponential", "low": 5, "high": 4, "n_buckets": 5}, "from 5 to 4"),
        ({"kind": "flag", "keyed": "yes"}, "keyed 'yes'"),
        ({"kind": "categorical", "labels": "a"}, "labels"),
    ],
)
def test_a_definition_without_buckets_does_not_affect_others(definition, detail):
    """The reason is one line."""
    spec_file = file_of(BAD=definition, GOOD={"kind": "flag"})
    found = spec_file.find("BAD")

    assert isinstance(found, UnusableDefinition)
    assert detail in found.detail
    assert "\n" not in found.detail
    assert spec_file.unusable == (found,)
    assert spec_file.find("GOOD").kind is HistogramKind.FLAG
    assert spec_file.names == ("BAD", "GOOD")


def test_historical_spellings_are_accepted():
    """keyed as text, unknown keys, extended_statistics_ok, an expiry of "default"."""
    spec = file_of(
        A={
            "kind": "flag",
            "keyed": "true",
            "extended_statistics_ok": True,
            "cpp_guard": "X",
            "expires_in_version": "default",
        }
    ).find("A")

    assert spec.keyed
    assert spec.expires == "never"


def test_other_fields_are_kept():
    """Labels, keys, processes, stores and expiry."""
    spec = file_of(
        A={
            "kind": "categorical",
            "labels": ["x", "y"],
            "keyed": True,
            "keys": ["k"],
            "record_in_processes": ["main", "content"],
            "record_into_store": ["main", "sync"],
            "expires_in_version": "71",
        }
    ).find("A")

    assert (spec.labels, spec.keys, spec.keyed) == (("x", "y"), ("k",), True)
    assert spec.record_in_processes == ("main", "content")
    assert spec.record_into_store == ("main", "sync")
    assert spec.expires == "71"


@pytest.mark.parametrize(
    ("name", "found_as"),
    [
        ("DNS", "DNS"),
        ("STARTUP_DNS", "DNS"),
        ("STARTUP_STARTUP_DNS", None),
        ("STARTUP_CRASH", "STARTUP_CRASH"),
        ("CRASH", None),
        ("startup_DNS", None),
        ("STARTUP_", None),
        ("", None),
    ],
)
def test_one_startup_prefix_is_removed_unless_the_exact_name_is_defined(name, found_as):
    """STARTUP_CRASH is defined with that name; CRASH is not."""
    found = file_of(DNS={"kind": "flag"}, STARTUP_CRASH={"kind": "boolean"}).find(name)

    assert (found.name if found else None) == found_as


@pytest.mark.parametrize(
    "name", ["invalid.json", "invalid_kind.json", "invalid_schema.json", "missing_kind.json"]
)
def test_the_files_that_the_original_refused_are_refused(name):
    """Each with an error of one line."""
    text = shared_data("probes", "telemetry-server-bad-specs", name).read_bytes()

    with pytest.raises(NotASpecFile) as raised:
        parse_spec_file(text)

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"null",
        b"<!DOCTYPE html><html></html>",
        text_of(A={"kind": "flag"})[:-3],
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe\x00",
    ],
)
def test_other_texts_are_refused(text):
    """Empty text, HTML, half a file, a bomb."""
    with pytest.raises(NotASpecFile):
        parse_spec_file(text)


def test_a_file_above_the_limits_is_refused():
    """The memory for a file is limited."""
    many = {f"A{number}": {"kind": "flag"} for number in range(MAX_DEFINITIONS + 1)}
    wide = {f"A{number}": {"kind": "enumerated", "n_values": 9_900 + number} for number in range(60)}

    with pytest.raises(NotASpecFile, match="definitions"):
        file_of(**many)
    with pytest.raises(NotASpecFile, match="buckets"):
        file_of(**wide)


def test_stray_latin_1_and_a_byte_order_mark_are_accepted():
    """Old files contain the first, some editors write the second."""
    good = text_of(A={"kind": "flag", "description": "caf?"})

    assert parse_spec_file(good.replace(b"?", b"\xe9")).find("A")
    assert parse_spec_file(b"\xef\xbb\xbf" + good).find("A")


def test_line_numbers_are_those_of_the_definitions():
    """Nested keys and braces in texts do not matter; a prefixed name has the line of its definition."""
    text = b"""{
  "A": {"kind": "flag", "description": "say \\"B\\": { or\\n not"},

  "B"
    : {"kind": "enumerated",
      "n_values": 4, "nested": {"C": 1}}, "C": {"kind": "bogus"},
  "caf\\u00e9": {"kind": "flag"}
}"""
    spec_file = parse_spec_file(text)

    lines = {name: spec_file.line_of(name) for name in ("A", "B", "C", "café", "STARTUP_B", "D")}
    assert lines == {"A": 2, "B": 4, "C": 6, "café": 7, "STARTUP_B": 4, "D": None}


def test_line_numbers_of_a_full_file_are_those_of_the_definitions():
    """For all names of the largest file."""
    text = shared_data("probes", "gecko-56.0a1-33ce52b7c7ea", "Histograms.json").read_bytes()
    spec_file = parse_spec_file(text)
    lines = text.decode().split("\n")

    assert all(f'"{name}"' in lines[spec_file.line_of(name) - 1] for name in spec_file.names)
    assert spec_file.text == text


@given(st.randoms(use_true_random=False))
def test_specs_do_not_depend_on_the_order_of_definitions(order: random.Random):
    """Shuffled definitions give the same objects."""
    definitions = {
        "A": {"kind": "exponential", "high": "10 * 1000", "n_buckets": 50},
        "B": {"kind": "linear", "low": 0, "high": 200, "n_buckets": 20},
        "C": {"kind": "enumerated", "n_values": 9},
        "STARTUP_C": {"kind": "boolean", "keyed": True},
        "BAD": {"kind": "enumerated"},
    }
    names = list(definitions)
    order.shuffle(names)
    straight = file_of(**definitions)
    shuffled = file_of(**{name: definitions[name] for name in names})

    for name in names:
        if name == "BAD":
            assert straight.find(name) == shuffled.find(name)
        else:
            assert straight.find(name) is shuffled.find(name)


WRITTEN_NUMBERS = st.integers(-10, 3000) | st.integers(0, 3000).map(str) | st.just("2 * 1024") | st.none()


@given(
    st.fixed_dictionaries(
        {"kind": st.sampled_from([*map(str, HistogramKind), "bogus"])},
        optional={
            "low": WRITTEN_NUMBERS,
            "high": WRITTEN_NUMBERS,
            "n_buckets": WRITTEN_NUMBERS,
            "n_values": WRITTEN_NUMBERS,
            "labels": st.lists(st.text(max_size=5), max_size=5),
            "keyed": st.booleans() | st.sampled_from(["true", "false", "1"]),
        },
    )
)
def test_every_definition_is_a_spec_or_unusable(definition):
    """The starts of a spec begin at 0 and never fall, and its index has the position of each start."""
    found = file_of(A=definition, GOOD={"kind": "flag"}).find("A")

    if isinstance(found, UnusableDefinition):
        return
    assert found.bucket_starts[0] == 0
    assert list(found.bucket_starts) == sorted(found.bucket_starts)
    assert {int(key) for key in found.bucket_index} == set(found.bucket_starts)
    counts = dict.fromkeys(found.bucket_starts, 7)
    row = [0] * found.bucket_count
    for start, count in counts.items():
        row[found.bucket_index[str(start)]] = count
    unpacked = {start: count for start, count in zip(found.bucket_starts, row, strict=True) if count}
    assert unpacked == counts
