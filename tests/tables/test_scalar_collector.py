"""Scalars of Firefox records: the compiled collector finds the rows that the plain way finds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_server.tables import scalar_collector
from telemetry_server.tables.scalar_collector import IS_COMPILED
from tests.support.sanitizers import checked_runs
from tests.tables.scalar_mutations import PARTS, collected

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="built without a C compiler")

SOURCE = "telemetry_server/tables/_scalars.c"
SECONDS = 3

NUMBERS = st.one_of(st.integers(-1, 9), st.sampled_from([2**63, 2**64, 10**400, 0.5, -0.0, 1e300]))
TEXTS = st.one_of(st.sampled_from(["a", "b", "é", "", "parent", "gpu"]), st.text(max_size=2))
LEAVES = st.one_of(NUMBERS, st.none(), st.booleans(), TEXTS, st.lists(NUMBERS, max_size=2))


def objects(values):
    """Draw an object of *values*; now and then something else."""
    return st.one_of(st.dictionaries(TEXTS, st.one_of(values, LEAVES), max_size=3), LEAVES)


# With as many levels as a store has, and a few more.
NESTED = st.recursive(LEAVES, objects, max_leaves=12)
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "scalars": objects(objects(LEAVES)),
        "keyedScalars": objects(objects(objects(LEAVES))),
        "simpleMeasurements": NESTED,
    },
)
RECORD_PARTS = st.builds(
    lambda section, others: section | others,
    SECTIONS,
    st.fixed_dictionaries(
        {}, optional={"processes": objects(SECTIONS), "childPayloads": st.lists(SECTIONS, max_size=2)}
    ),
)


def both_ways(parts) -> list:
    """Return what the compiled collector and the plain way make of records with *parts*."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for is_compiled in (True, False):
            patch.setattr(scalar_collector, "IS_COMPILED", is_compiled)
            found.append(collected(parts))
    return found


@settings(max_examples=300)
@given(st.lists(RECORD_PARTS, min_size=1, max_size=3))
def test_both_ways_collect_the_same_columns(parts):
    """Whatever a section holds, byte for byte; where one way refuses a record, so does the other."""
    compiled, plain = both_ways(parts)

    assert compiled == plain


def test_the_compiled_collector_needs_no_plain_way(monkeypatch):
    """For every kind of scalar, and for measurements at every depth that counts."""
    monkeypatch.setattr(scalar_collector, "scalars_of", None)
    rows, _ = collected(list(PARTS))

    keys = rows.scalars.scalar_keys
    assert ("by", "gpu", "x", "scalar") in keys
    deep = "simpleMeasurements.deep.level9.level8.level7.level6.level5.level4.level3"
    assert (f"{deep}.beside", "parent", "", "simple_measurement") in keys
    assert not any(metric.startswith(f"{deep}.level2") for metric, *_ in keys)


def test_a_number_that_no_double_holds_is_refused_both_ways():
    """With the same message."""
    compiled, plain = both_ways([{"scalars": {"a": 10**400}}])

    assert compiled == plain
    assert compiled[0] is OverflowError


@pytest.mark.slow
def test_no_section_leads_the_compiled_part_out_of_its_memory(tmp_path):
    """Under the compiler's own checks of addresses and of undefined behaviour."""
    assert checked_runs(tmp_path, "tests.tables.scalar_mutations", [SOURCE], SECONDS) > 20
