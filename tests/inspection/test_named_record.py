"""A record that is read for names only has the same names as after a full parse."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.inspection.named_record import named_record
from telemetry_server.pings.json_text import json_of

FILLER = {f"PADDING_{number}": list(range(60)) for number in range(60)}  # long enough to be split
NAMES = st.text(max_size=12) | st.sampled_from(
    ["[]{", "[", "]", "}{", 'quote"', "back\\slash", '":[', "\u202e", ""]
)
ROWS = st.lists(st.integers(-5, 5), max_size=4) | st.none() | st.just("text")
SECTIONS = st.fixed_dictionaries(
    {
        "histograms": st.dictionaries(NAMES, ROWS, max_size=4),
        "keyedHistograms": st.dictionaries(NAMES, st.dictionaries(NAMES, ROWS, max_size=3), max_size=3),
        "scalars": st.dictionaries(NAMES, st.integers() | NAMES, max_size=3),
    }
)


def names_in(record: Any) -> dict[str, Any]:
    """Return the parts that must be equal: the values of plain histograms are left out."""
    payload = record["payload"]
    sections = [payload, *payload["processes"].values()]
    return {
        "plain": [sorted(section["histograms"]) for section in sections],
        "rest": [{name: section[name] for name in ("keyedHistograms", "scalars")} for section in sections],
        "metadata": {name: record["metadata"].get(name) for name in record["metadata"]},
    }


@given(parent=SECTIONS, content=SECTIONS)
def test_names_and_all_other_values_are_the_same_as_after_a_full_parse(parent, content):
    """With any names, and with any value in place of a row."""
    parent = parent | {"histograms": parent["histograms"] | FILLER}
    record = {"payload": {**parent, "processes": {"content": content}}, "metadata": {"anomalies": {"a": 1}}}
    text = json_of(record)

    assert names_in(named_record(text)) == names_in(record)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"payload": 3},
        {"payload": {"processes": [1], "histograms": 4, "keyedHistograms": None}},
        {"payload": {"histograms": {}}, "histograms": FILLER},
        {"payload": {"processes": {"content": None}}},
    ],
)
def test_records_of_other_forms_are_read(record):
    """A value in the place of histograms stays the same."""
    found = named_record(orjson.dumps({**record, "padding": FILLER}))

    assert set(found) == {*record, "padding"}
