"""The values of a record that aggregates leave out."""

import pytest

from telemetry_server.pings.left_out import LeftOut
from tests.docs.test_format_pages import FORMAT, json_example

ADDED = [
    ("unknown_process", "scalars", "main", "garden.rain", None),
    ("expired_metric", "scalars", "parent", "garden.old", None),
    ("key_not_allowed", "scalars", "parent", "garden.tools", "spade"),
    ("unknown_process", "events", "main", None, None),
]


def of_added(added: list) -> LeftOut:
    found = LeftOut()
    for each in added:
        found.add(*each)
    return found


@pytest.mark.parametrize("added", [ADDED, ADDED[::-1]], ids=["in order", "backwards"])
def test_the_example_of_the_page_is_what_a_record_holds(added):
    """In the order of names, whatever the order of the marks."""
    page = json_example(FORMAT, "values that are left out")

    assert of_added(added).as_json() == page
    assert str(of_added(added).as_json()) == str(of_added(ADDED).as_json())


@pytest.mark.parametrize(
    ("value", "mark"),
    {
        ("scalars", "parent", "garden.old", ""): "expired_metric",
        ("scalars", "parent", "garden.old", "any key"): "expired_metric",
        ("scalars", "parent", "garden.tools", "spade"): "key_not_allowed",
        ("scalars", "parent", "garden.tools", "rake"): None,
        ("scalars", "parent", "garden.rain", ""): None,
        ("scalars", "content", "garden.old", ""): None,
        ("histograms", "parent", "garden.old", ""): None,
        ("events", "main", "gate.open.latch", ""): "unknown_process",
        ("events", "parent", "gate.open.latch", ""): None,
    }.items(),
)
def test_a_value_is_looked_up_by_its_kind_process_metric_and_key(value, mark):
    """A mark of a metric holds for its keys, one of a section for its metrics."""
    left_out = LeftOut.of({"left_out": of_added(ADDED).as_json()})

    assert left_out.mark_of(*value) == mark


@pytest.mark.parametrize("keyed_first", [True, False])
def test_a_mark_of_the_whole_metric_replaces_those_of_keys(keyed_first):
    """The first mark of the metric stays."""
    whole = [
        ("wrong_store", "scalars", "parent", "m", None),
        ("expired_metric", "scalars", "parent", "m", None),
    ]
    keyed = [("key_not_allowed", "scalars", "parent", "m", "k")]

    found = of_added(keyed + whole if keyed_first else whole + keyed)

    assert found.as_json() == {"scalars": {"parent": {"m": "wrong_store"}}}


@pytest.mark.parametrize("metadata", [{}, {"left_out": None}, {"left_out": {}}, {"left_out": [1]}])
def test_a_record_without_marks_leaves_nothing_out(metadata):
    """That of an older server, for example."""
    found = LeftOut.of(metadata)

    assert not found
    assert found.mark_of("scalars", "parent", "m", "") is None
