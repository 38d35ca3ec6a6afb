"""Differences between two spec files."""

from histogram_specs.diff import DefinitionChange, FieldChange, diff_spec_files
from histogram_specs.spec_file import parse_spec_file
from tests.histogram_specs.samples import file_of
from tests.support.shared_data import shared_data


def test_a_difference_names_the_fields_and_whether_the_buckets_changed():
    """Each with its old and its new value."""
    old = file_of(
        GONE={"kind": "flag"},
        SAME={"kind": "flag", "description": "x"},
        WIDER={"kind": "exponential", "high": "10 * 1000", "n_buckets": 10},
        LATER={"kind": "flag", "expires_in_version": "40"},
        MENDED={"kind": "enumerated"},
    )
    new = file_of(
        NEW={"kind": "flag"},
        SAME={"kind": "flag", "description": "x"},
        WIDER={"kind": "exponential", "high": 20000, "n_buckets": 10, "keyed": True},
        LATER={"kind": "flag", "expires_in_version": "never"},
        MENDED={"kind": "enumerated", "n_values": 4},
    )
    difference = diff_spec_files(old, new)

    assert difference.added == ("NEW",)
    assert difference.removed == ("GONE",)
    assert difference.changed == (
        DefinitionChange("LATER", (FieldChange("expires_in_version", "40", "never"),), False),
        DefinitionChange("MENDED", (FieldChange("n_values", None, 4),), True),
        DefinitionChange(
            "WIDER", (FieldChange("high", 10000, 20000), FieldChange("keyed", None, True)), True
        ),
    )


def test_spellings_of_equal_values_are_equal():
    """Numbers as text or expressions, keyed as text, false instead of a missing field."""
    old = file_of(A={"kind": "linear", "high": "10 * 10", "n_buckets": "10", "keyed": "false"})
    new = file_of(A={"n_buckets": 10, "high": 100, "kind": "linear"})

    assert diff_spec_files(old, new).changed == ()


def test_a_symbolic_count_with_several_values_differs_from_a_number():
    """All values are listed; a symbol with a single value is equal to that number."""
    old = file_of(
        A={"kind": "enumerated", "n_values": "mozilla::StartupTimeline::MAX_EVENT_ID"},
        B={"kind": "enumerated", "n_values": "JS::gcreason::NUM_TELEMETRY_REASONS"},
    )
    new = file_of(A={"kind": "enumerated", "n_values": 16}, B={"kind": "enumerated", "n_values": 100})

    assert diff_spec_files(old, new).changed == (
        DefinitionChange("A", (FieldChange("n_values", [11, 14, 16], 16),), True),
    )


def test_1_is_not_true():
    """A change of type is a difference."""
    old, new = file_of(A={"kind": "flag", "x": 1}), file_of(A={"kind": "flag", "x": True})

    assert diff_spec_files(old, new).changed[0].fields == (FieldChange("x", 1, True),)


def test_a_file_is_equal_to_itself():
    """The largest file; and compared with a file of another time the counts add up."""
    texts = [
        shared_data("probes", folder, "Histograms.json").read_bytes()
        for folder in ("telemetry-batch-view-d78f3bba1daf", "gecko-56.0a1-33ce52b7c7ea")
    ]
    old, new = map(parse_spec_file, texts)
    same, other = diff_spec_files(old, old), diff_spec_files(old, new)

    assert (same.added, same.removed, same.changed) == ((), (), ())
    assert len(new) - len(old) == len(other.added) - len(other.removed)
    assert all(change.fields for change in other.changed)
