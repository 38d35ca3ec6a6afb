"""Plain values, sorted runs and budgets."""

from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.mapreduce import execute
from telemetry_server.mapreduce.filter import EVERYTHING
from telemetry_server.mapreduce.inputs import InputFile
from telemetry_server.mapreduce.job_file import read_job
from telemetry_server.mapreduce.output_blocks import OutputBlocks, merged_outputs
from telemetry_server.mapreduce.pair_table import PairTable, partition_of
from telemetry_server.mapreduce.plain_values import NotPlain, checked_key, identity_of, taken
from telemetry_server.mapreduce.plan import largest_first, plan_tasks
from telemetry_server.mapreduce.python_spec import PythonSpec
from telemetry_server.mapreduce.run import RunOptions
from telemetry_server.mapreduce.runs import RunFile, key_of, merged, merged_files, values_of, write_run
from tests.mapreduce.original_jobs import ORIGINAL_JOBS

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "1", "1.0", "True", "None", "é", "\ud800"])
    | st.binary(max_size=3)
)
keys = st.recursive(scalars, lambda inner: st.tuples(inner) | st.tuples(inner, inner), max_leaves=4)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(scalars, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(keys, keys)
def test_keys_are_equal_exactly_where_their_identities_are(one, other):
    """1, 1.0 and True are one key; 1 and "1" are two."""
    checked_key(one)

    assert (identity_of(one) == identity_of(other)) == (one == other)
    if one == other:
        assert partition_of(identity_of(one), 7) == partition_of(identity_of(other), 7)


@given(values)
def test_plain_values_are_copied_as_they_are(value):
    """Types included, at every level."""
    copy, size = taken(value)

    assert repr(copy) == repr(value)
    assert size > 0


@pytest.mark.parametrize(
    "value", [{1}, frozenset(), object(), 1j, bytearray(), range(3), [{"a": {1}}], type("Int", (int,), {})(1)]
)
def test_other_values_are_refused_by_their_type(value):
    """At every level."""
    with pytest.raises(NotPlain, match="a value of type "):
        taken(value)


def test_a_value_that_holds_itself_is_refused():
    """Not a crash."""
    value: list = []
    value.append(value)
    with pytest.raises(NotPlain, match="nested past"):
        taken(value)


@given(st.lists(st.tuples(keys, values), max_size=40), st.integers(1, 3), st.integers(100, 5000))
def test_pairs_pass_through_tables_runs_and_merges(tmp_path_factory, pairs, partitions, budget):
    """Each key once, its values in order, whatever the budget."""
    folder = tmp_path_factory.mktemp("runs")
    table = PairTable(folder / "map", partitions, budget_bytes=budget)
    expected: dict = {}
    for number, (key, value) in enumerate(pairs):
        table.start_file(number // 5)
        table.add(key, *taken(value))
        expected.setdefault(key, []).append(value)
    table.spill()
    records = [
        record
        for paths in table.runs
        for record in merged_files([RunFile(path) for path in paths], folder / "merged", None)
    ]

    assert repr(sorted((repr(key_of(r)), values_of(r[3])) for r in records)) == repr(
        sorted((repr(key), found) for key, found in expected.items())
    )


def test_many_runs_are_merged_in_rounds(tmp_path):
    """At most 32 files are open at a time; values stay in order, or are combined."""
    runs = []
    for number in range(1100):
        path = tmp_path / f"run-{number}"
        write_run(
            path, [("a", 3, None, [number << 40, [number]]), (f"k{number % 3}", 3, None, [number << 40, [1]])]
        )
        runs.append(RunFile(path))
    found = {record[0]: values_of(record[3]) for record in merged_files(runs, tmp_path / "m", None)}

    assert found["a"] == list(range(1100))
    assert [len(found[f"k{n}"]) for n in range(3)] == [367, 367, 366]
    summed = merged_files(runs, tmp_path / "s", lambda key, some: sum(some), combines_last=True)
    assert {record[0]: values_of(record[3]) for record in summed}["a"] == [sum(range(1100))]
    assert list(merged([iter(())])) == []


def test_tasks_hold_neighbours_and_the_largest_is_first():
    """Every file is in one task; tasks do not depend on mappers."""
    lengths = [10, 20, 9_000_000, 30, 5, 400_000, 1]
    files = [InputFile(n, f"p{n}", "d", (), length, 1) for n, length in enumerate(lengths)]
    tasks = plan_tasks(files)

    assert [[file.order for file in task.files] for task in tasks] == [[0, 1], [2], [3, 4], [5], [6]]
    assert [task.number for task in largest_first(tasks)] == [1, 3, 2, 0, 4]
    assert plan_tasks([]) == []


class NoBar:
    """Adds up what a progress bar would show."""

    def __init__(self) -> None:
        self.done, self.whole = 0.0, 0.0

    def advance(self, amount: float = 1) -> None:
        self.done += amount

    def total(self, amount: float) -> None:
        self.whole = amount


@pytest.mark.parametrize("original", ORIGINAL_JOBS, ids=lambda job: job.name)
def test_a_small_budget_changes_no_byte(jobs, job_world, lines, original):
    """Every few pairs a run is written; the bar ends at its total."""
    out, bar = BytesIO(), NoBar()

    @contextmanager
    def open_output():
        yield out

    @contextmanager
    def open_bar():
        yield bar

    place = execute.Place(job_world.root, jobs.folder)
    options = RunOptions(mappers=2, reducers=2, budget_bytes=1000)
    job = PythonSpec(read_job(jobs.write(original.text)))
    report = execute.run_job(job, EVERYTHING, place, options, open_output=open_output, open_bar=open_bar)

    assert out.getvalue().decode().splitlines() == original.expected(lines)
    assert report.totals.records == 300
    assert bar.done == bar.whole > 0
    assert jobs.left() == []


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 5)), unique=True))
def test_outputs_are_sorted_by_text_in_whatever_order_they_come(tmp_path_factory, keys):
    """True is the same key as 1, but its text comes after "Z"."""
    blocks = OutputBlocks(tmp_path_factory.mktemp("blocks") / "output", held_bytes=20)
    for text, kind in keys:
        blocks.add(text, kind, f"{text} {kind};".encode())

    assert b"".join(merged_outputs(blocks.end())).decode() == "".join(
        f"{text} {kind};" for text, kind in sorted(keys)
    )


def test_the_digest_of_a_job_is_of_its_text(tmp_path):
    """Not of its place."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "job.py").write_text("def map(key, dims, value, context): pass\n")
    digests = {read_job(Path(tmp_path / name / "job.py")).digest for name in ("a", "b")}

    assert len(digests) == 1
