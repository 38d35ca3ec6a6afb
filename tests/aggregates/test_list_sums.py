"""The compiled sums of lists are those of the slower way, or left to it."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.aggregates import cells
from telemetry_server.aggregates.compiled import list_sums
from telemetry_server.aggregates.compiled.list_sums import distinct_pairs, list_totals, summed_lists

ROOT = Path(__file__).resolve().parents[2]
MAX = 2**63 - 1
compiled = pytest.mark.skipif(not list_sums.IS_COMPILED, reason="built without a C compiler")

buckets = st.dictionaries(st.integers(-5, 30), st.integers(0, MAX), max_size=6)
rows = st.lists(st.tuples(st.integers(0, 4), buckets), max_size=12)


def lists_of(numbers):
    """Lists of int64, as a slice that does not begin at the first."""
    return pa.array([[7, 8], *numbers], pa.list_(pa.int64())).slice(1)


@compiled
@given(rows)
def test_sums_of_lists_are_those_of_counters(found):
    """Whatever the lists; what does not fit is left to the slower way."""
    expected = [Counter() for _ in range(5)]
    for cell, row in found:
        expected[cell].update(row)
    made = summed_lists(
        pa.array([9, *(cell for cell, _ in found)], pa.int64()).slice(1),
        5,
        lists_of([sorted(row) for _, row in found]),
        lists_of([[row[s] for s in sorted(row)] for _, row in found]),
    )

    if any(count > MAX for cell in expected for count in cell.values()):
        assert made is None
    else:
        assert made[0].to_pylist() == [sorted(cell) for cell in expected]
        assert made[1].to_pylist() == [[cell[start] for start in sorted(cell)] for cell in expected]


@compiled
@given(st.lists(st.lists(st.integers(-MAX, MAX), max_size=5), max_size=8))
def test_totals_of_lists_are_their_sums(numbers):
    """Or left to the slower way."""
    found = list_totals(lists_of(numbers))

    if found is not None:
        assert found.to_pylist() == list(map(sum, numbers))
    else:
        assert any(abs(sum(row[: place + 1])) > MAX for row in numbers for place in range(len(row)))


@compiled
@pytest.mark.parametrize(
    ("cells", "starts", "counts"),
    [
        ([0], [[3, 1]], [[1, 1]]),
        ([0], [[1, 1]], [[1, 1]]),
        ([1], [[1]], [[1]]),
        ([-1], [[1]], [[1]]),
        ([0], [[1, 2]], [[1]]),
    ],
    ids=["falling", "twice", "no such cell", "a cell below 0", "fewer counts"],
)
def test_what_is_not_plain_is_left_to_the_slower_way(cells, starts, counts):
    """None, and nothing is read outside."""
    assert summed_lists(pa.array(cells, pa.int64()), 1, lists_of(starts), lists_of(counts)) is None


MEMBERS = 2**20  # more than one pass of sorting takes
member = st.one_of(st.integers(0, 6), st.sampled_from([2**16 - 1, 2**16, 2**16 + 1, MEMBERS - 1]))
pairs = st.lists(st.tuples(st.integers(0, 4), member), max_size=30)


@given(pairs)
def test_distinct_pairs_are_those_of_sets(found):
    """By the compiled function, and by the slower way."""
    groups = pa.array([9, *(group for group, _ in found)], pa.int64()).slice(1)
    members = pa.array([9, *(member for _, member in found)], pa.int64()).slice(1)
    expected = [sorted({member for each, member in found if each == group}) for group in range(5)]
    made = [cells._distinct(groups, 5, members, MEMBERS)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(list_sums, "IS_COMPILED", False)
        made.append(cells._distinct(groups, 5, members, MEMBERS))

    for lengths, numbers in made:
        assert lengths.to_pylist() == list(map(len, expected))
        assert numbers.to_pylist() == [member for each in expected for member in each]


@compiled
@pytest.mark.parametrize(
    ("groups", "members"), [([2], [0]), ([-1], [0]), ([0], [3]), ([0], [-1]), ([0], [0, 1]), ([0], [None])]
)
def test_pairs_of_numbers_that_are_too_large_are_left_to_the_slower_way(groups, members):
    """None, and nothing is read or written outside; so are nulls, and columns of several lengths."""
    assert distinct_pairs(pa.array(groups, pa.int64()), 2, pa.array(members, pa.int64()), 3) is None


WITHOUT = """
import sys
sys.modules["telemetry_server.aggregates.compiled._sums"] = None
import asyncio
from pathlib import Path
from tests.aggregates.canonical import day_tables
from tests.aggregates.pings import FIXTURE, REVISION, SPEC, Aggregates, filled
from tests.support.data_root import World
from telemetry_server.aggregates.compiled.list_sums import IS_COMPILED
assert not IS_COMPILED
world = World(Path(sys.argv[1]))
world.put_specs(REVISION, SPEC)
asyncio.run(filled(world, FIXTURE.values()))
Aggregates(world).update()
for path in sorted(world.root.state.rglob("*.summary")):
    print(path.name, path.read_bytes().hex())
"""


def test_without_the_compiled_sums_the_summaries_are_the_same(tmp_path):
    """To the byte."""
    plain = WITHOUT.replace('sys.modules["telemetry_server.aggregates.compiled._sums"] = None', "")
    plain = plain.replace("assert not IS_COMPILED", "")
    found = [
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / name)], cwd=ROOT, check=True, capture_output=True
        ).stdout
        for name, program in (("with", plain), ("without", WITHOUT))
    ]

    assert found[0] == found[1]
    assert found[0]
