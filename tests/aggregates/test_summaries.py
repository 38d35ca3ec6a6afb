"""Summaries of table files: whole metrics, large metrics, and sums that do not fit."""

import shutil

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.aggregates import summarise
from telemetry_server.aggregates.checked_sums import MAX_SUM, SumTooLarge, row_samples, summed
from telemetry_server.aggregates.summarise import WholeMetrics
from tests.aggregates.canonical import day_tables
from tests.aggregates.pings import REVISION, SPEC, Aggregates, Main, exp, filled, histogram
from tests.support.data_root import World


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 7), st.integers(1, 12))
def test_no_metric_is_in_two_results(names, size, limit):
    """All rows come once; metrics with too many are counted instead."""
    rows = pa.table({"metric": pa.array(sorted(names), pa.string()).dictionary_encode()})
    batches = [rows.slice(start, size) for start in range(0, rows.num_rows, size)]
    metrics = WholeMetrics()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summarise, "MAX_METRIC_ROWS", limit)
        found = [table.column("metric").to_pylist() for table in metrics.of(batches)]

    seen = [set(each) for each in found]
    assert sum(len(each) for each in seen) == len(set().union(*seen))
    assert sorted(name for each in found for name in each) == sorted(
        name for name in names if name not in metrics.large
    )
    assert {name: names.count(name) for name in metrics.large} == metrics.large


@pytest.mark.parametrize("limit", [1, 3, 7])
async def test_a_large_metric_is_summed_up_in_parts(tmp_path, monkeypatch, limit):
    """The sums are the same."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    pings = [
        Main(number, "ABC"[number % 3], 20, os=("Linux", f"{number % 5}.1"), parent=exp({8: number}, number),
             content=exp({1: 1}, 1) if number % 2 else {})
        for number in range(1, 21)
    ]  # fmt: skip
    await filled(world, pings)
    aggregates = Aggregates(world)
    aggregates.update()
    whole = day_tables(world.root)
    shutil.rmtree(world.root.state / "aggregates")
    monkeypatch.setattr(summarise, "MAX_METRIC_ROWS", limit)
    monkeypatch.setattr(summarise, "BATCH_ROWS", 2)
    aggregates.update()

    assert day_tables(world.root) == whole


groups = st.lists(st.tuples(st.integers(0, 3), st.integers(-(2**62), 2**62)), max_size=20)


@given(groups)
def test_sums_are_exact_or_refused(pairs):
    """Never wrapped."""
    totals: dict[int, int] = {}
    for group, value in pairs:
        totals[group] = totals.get(group, 0) + value
    numbers = pa.array([group for group, _ in pairs], pa.int64())
    values = pa.array([value for _, value in pairs], pa.int64())

    if any(abs(total) > MAX_SUM for total in totals.values()):
        with pytest.raises(SumTooLarge):
            summed(numbers, values)
    else:
        found = summed(numbers, values)
        assert dict(zip(*(column.to_pylist() for column in found), strict=True)) == totals


@pytest.mark.parametrize(
    ("rows", "expected"), [([[1, 2], [], [3]], [3, 0, 3]), ([[2**62, 2**62 - 1]], [MAX_SUM])]
)
def test_samples_of_a_row_are_its_sum(rows, expected):
    """Of lists, also empty ones, and of slices of lists."""
    lists = pa.array(rows, pa.list_(pa.int64()))

    assert row_samples(lists).to_pylist() == expected
    assert row_samples(lists.slice(1)).to_pylist() == expected[1:]


async def test_a_sum_past_64_bits_is_refused_by_name(tmp_path):
    """Only this metric is left out; two values that just fit are added exactly."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    half = 2**62
    fits = {"LIN": histogram("LIN", {1: half}, 5), "BOOL": histogram("BOOL", {0: 1, 1: 0}, 0)}
    await filled(
        world,
        [
            Main(
                1, "A", 20, parent={**exp({8: half}, 9), **fits, "BOOL": histogram("BOOL", {0: 1, 1: 0}, 0)}
            ),
            Main(2, "B", 20, parent={**exp({8: half}, 9), "LIN": histogram("LIN", {1: half - 1}, 5)}),
        ],
    )
    aggregates = Aggregates(world)
    result = aggregates.update()

    assert result.overflows == ["20261120: EXP"]
    assert aggregates.row("20261118", "LIN")["counts"][1] == MAX_SUM
    assert aggregates.row("20261118", "BOOL")["samples"] == 1
    assert "EXP" not in {
        name for day in aggregates.reader.days for each in day.summaries for name in each.metrics
    }


async def test_a_sum_over_days_past_64_bits_is_refused(tmp_path):
    """Each day fits, their sum does not."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    await filled(world, [Main(number, "A", 18 + number, parent=exp({8: 2**62}, 9)) for number in (1, 2)])
    aggregates = Aggregates(world)
    aggregates.update()

    with pytest.raises(SumTooLarge, match="EXP"):
        aggregates.answer()


async def test_very_many_values_of_a_dimension_are_other(tmp_path, monkeypatch):
    """The most frequent ones keep their name."""
    monkeypatch.setattr("telemetry_server.aggregates.dimensions.MAX_VALUES", 2)
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    systems = ["a", "a", "a", "b", "b", "c", "d"]
    pings = [
        Main(number, "A", 20, os=(name, "1"), parent=exp({8: 1}, 9)) for number, name in enumerate(systems)
    ]
    await filled(world, pings)
    aggregates = Aggregates(world)
    aggregates.update()

    found = {name: aggregates.answer(os=name)["rows"] for name in "abcd"}
    assert [found[name][0]["pings"] for name in "ab"] == [3, 2]
    assert found["c"] == found["d"] == []
    assert aggregates.row("20261118", os="OTHER")["pings"] == 2
