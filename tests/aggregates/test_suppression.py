"""Groups of few clients are not shown, and do not follow from what one answer shows."""

import asyncio
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_server.aggregates.clients_answer import clients_answer
from telemetry_server.aggregates.complete_hiding import hidden_values
from telemetry_server.aggregates.dimensions import build_date_of
from telemetry_server.aggregates.metric_view import metric_view
from telemetry_server.aggregates.old_service import OldQuery, OldService
from telemetry_server.aggregates.query import HistogramQuery
from telemetry_server.aggregates.recent_counts import recent_counts, recent_days
from tests.aggregates.pings import (
    LATER,
    LINUX,
    MAC,
    REVISION,
    SPEC,
    WINDOWS,
    Aggregates,
    Main,
    exp,
    filled,
    histogram,
)
from tests.support.data_root import World

BUILDS = ("20261116030000", "20261117030000", "20261118030000")
RARE = "20261115030000"
VERSIONS = ("42.0a1", "43.0a1")
CHANGED = {**SPEC, "EXP": {**SPEC["EXP"], "n_buckets": 20}}
TWENTY = {"range": [1, 3000], "bucket_count": 20, "histogram_type": 0, "values": {"1": 2}, "sum": 2}


def ping(number: int) -> Main:
    """Return one of the pings: clients are often alone in some group, and some have another shape."""
    chance = Random(number)
    is_later = number % 11 == 0
    keyed = {chance.choice("xyz"): histogram("KEXP", {3: 2}, 7)} if chance.random() < 0.6 else {}
    return Main(
        number,
        chance.choice("AABBCDEF"),
        18 if is_later else chance.choice((18, 19, 19, 20)),
        BUILDS[0] if is_later else RARE if number in (5, 17) else chance.choice(BUILDS[1:]),
        chance.choice((WINDOWS, WINDOWS, MAC, LINUX)),
        parent={"EXP": TWENTY} if is_later else exp({8: number + 1}, number),
        content=exp({1: 1}, 1) if number % 3 == 0 and not is_later else {},
        payload={"keyedHistograms": {"KEXP": keyed}},
        version=chance.choice((*VERSIONS, VERSIONS[0])),
        revision=LATER if is_later else REVISION,
        experiments={"pref": "red" if number % 5 else "blue"} if number % 2 else {},
    )


PINGS = [ping(number) for number in range(34)]


@pytest.fixture(scope="module")
def aggregates(tmp_path_factory):
    """The aggregates of all pings."""
    world = World(tmp_path_factory.mktemp("small"))
    world.put_specs(REVISION, SPEC)
    world.put_specs(LATER, CHANGED)
    asyncio.run(filled(world, PINGS))
    found = Aggregates(world)
    found.update()
    return found


def value_of(each: Main, name: str) -> str:
    """Return a value of a ping, as answers name it."""
    values = {
        "day": f"202611{each.day:02}", "build": build_date_of(each.build), "version": each.version[:2],
        "channel": each.channel, "os": each.os[0], "branch": each.experiments.get("pref", ""),
    }  # fmt: skip
    return values[name]


def numbers(pings) -> frozenset[int]:
    """Return the numbers of *pings*."""
    return frozenset(each.number for each in pings)


def clients_of(members) -> set[str]:
    """Return the clients of the pings with these numbers."""
    return {each.client for each in PINGS if each.number in members}


def assert_nothing_follows(rows, k):
    """No sum or difference of *rows*, each the numbers of pings, is of fewer than *k* clients."""
    for factors in product((-1, 0, 1), repeat=len(rows)):
        total = [sum(f for f, row in zip(factors, rows, strict=True) if each.number in row) for each in PINGS]
        if set(total) <= {0, 1} and any(total):
            clients = {each.client for each, part in zip(PINGS, total, strict=True) if part}
            assert len(clients) >= k, (factors, clients)


selections = st.fixed_dictionaries(
    {},
    optional={
        "os": st.sampled_from((WINDOWS[0], MAC[0], LINUX[0])),
        "version": st.sampled_from(("42", "43")),
        "process": st.sampled_from(("parent", "content")),
    },
)
bounds = st.fixed_dictionaries({}, optional={"first": st.sampled_from(("20261117", "20261119"))})


def is_in(each: Main, selection) -> bool:
    """Return whether a ping is selected and has the measurement."""
    if selection.get("process") == "content" and not each.content:
        return False
    return all(value_of(each, name) == value for name, value in selection.items() if name != "process")


@settings(max_examples=60, deadline=None)
@given(
    selections, bounds, st.sampled_from(("build", "day", "version", "branch")),
    st.sampled_from(("", "42", "43", "20261117", "20261118")), st.booleans(), st.integers(2, 4),
    st.sampled_from(("samples", "clients")),
)  # fmt: skip
def test_no_small_group_follows_from_a_histogram(  # noqa: PLR0917 - drawn
    aggregates, selection, first, by, compare, merges, k, weight
):
    """Rows, and the histogram to compare with."""
    aggregates.suppress_below = k
    experiment = {"experiment": "pref"} if by == "branch" else {}
    answer = aggregates.answer(
        "EXP", by=by, compare=compare, merges=merges, weight=weight, **selection, **first, **experiment
    )
    wanted = [each for each in PINGS if is_in(each, selection)]
    if by == "branch":
        wanted = [each for each in wanted if value_of(each, "day") >= first.get("first", "")]
    rows = [numbers(each for each in wanted if value_of(each, by) == row["group"]) for row in answer["rows"]]
    other = answer.get("compare", {}).get("row")
    if other is not None:
        is_build = len(compare) == 8
        rest = {name: value for name, value in selection.items() if name != "version" or is_build}
        name = "build" if is_build else "version"
        rows.append(numbers(each for each in PINGS if is_in(each, rest) and value_of(each, name) == compare))
    kept = []
    for row, members in zip([*answer["rows"], *([other] if other else [])], rows, strict=True):
        is_later = len(row["starts"]) == 20
        own = (
            members
            if merges
            else members & numbers(each for each in PINGS if (each.revision == LATER) == is_later)
        )
        kept.append(own)
        assert row["clients"] == len(clients_of(own)) >= k

    assert_nothing_follows(kept, k)
    assert all(each["samples"] for each in answer["other_shapes"])


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(("day", "build", "version", "os")), unique=True, max_size=3), st.integers(2, 4)
)
def test_no_small_group_follows_from_counts_of_clients(aggregates, by, k):
    """Rows have no total."""
    aggregates.suppress_below = k
    answer = clients_answer(aggregates.reader, tuple(by))
    rows = [
        numbers(each for each in PINGS if all(value_of(each, name) == row[name] for name in by))
        for row in answer["rows"]
    ]

    assert all(row["clients"] >= k for row in answer["rows"])
    assert [row["clients"] for row in answer["rows"]] == [len(clients_of(row)) for row in rows]
    groups = {tuple(value_of(each, name) for name in by) for each in PINGS}
    assert len(rows) + answer["suppressed"]["cells"] == len(groups)
    if len(rows) <= 8:
        assert_nothing_follows(rows, k)


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(("build_id", "submission_date")), st.sampled_from(("EXP", "KEXP")),
    st.sampled_from(({}, {"os": ["Windows_NT"]}, {"child": ["content"]}, {"label": ["x", "y"]})),
    st.integers(2, 4),
)  # fmt: skip
def test_no_small_group_follows_from_the_old_service(aggregates, by, metric, filters, k):
    """Dates and labels apart."""
    aggregates.suppress_below = k
    name = "build" if by == "build_id" else "day"
    dates = frozenset(value_of(each, name) for each in PINGS)
    answer = OldService(aggregates.reader).histograms(OldQuery(by, "nightly", "42", dates, metric, filters))
    for entry in answer["data"] if answer else ():
        clients = {
            each.client
            for each in PINGS
            if value_of(each, "version") == "42"
            and value_of(each, name) == entry["date"]
            and (metric == "EXP" or entry["label"] in each.payload["keyedHistograms"]["KEXP"])
        }
        assert len(clients) >= k


def test_the_old_service_lists_no_date_of_few_clients(aggregates):
    """A page would ask for it in vain."""
    aggregates.suppress_below = 3
    listed = OldService(aggregates.reader).dates("build_id", "nightly")
    clients = {}
    for each in PINGS:
        clients.setdefault((value_of(each, "version"), value_of(each, "build")), set()).add(each.client)

    assert {(each["version"], each["date"]) for each in listed} == {
        group for group, found in clients.items() if len(found) >= 3
    }


def test_the_old_service_offers_no_value_of_few_clients(aggregates):
    """Neither systems nor metrics."""
    for k in (2, 3, 4):
        aggregates.suppress_below = k
        offered = OldService(aggregates.reader).filters("nightly", "42")
        clients = {}
        for each in PINGS:
            if value_of(each, "version") == "42":
                clients.setdefault(value_of(each, "os"), set()).add(each.client)
        assert {name.partition(",")[0] for name in offered["os"]} <= {
            name for name, found in clients.items() if len(found) >= k
        }
        keyed = {each.client for each in PINGS if each.payload["keyedHistograms"]["KEXP"]}
        assert ("KEXP" in offered["metric"]) == (len(keyed) >= k)


async def test_what_differs_by_a_small_group_is_not_compared(tmp_path):
    """The version is the shown build and one of a single client."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    pings = [
        *(Main(number, "ABC"[number], 20, BUILDS[0], parent=exp({8: 1}, 9)) for number in range(3)),
        Main(3, "D", 20, BUILDS[1], parent=exp({21: 1}, 30)),
    ]
    await filled(world, pings)
    found = Aggregates(world, suppress_below=2)
    found.update()
    answer = found.answer(compare="42")

    assert [row["group"] for row in answer["rows"]] == ["20261116"]
    assert answer["compare"] == {"group": "42", "row": None}
    assert answer["suppressed"] == {"cells": 2, "samples": 1}
    found.suppress_below = 1
    assert found.answer(compare="42")["compare"]["row"]["samples"] == 4
    total = Aggregates(world, suppress_below=2).answer(is_total=True)
    assert [row["samples"] for row in total["rows"]] == [3]
    assert total["suppressed"] == {"cells": 1, "samples": 1}


def test_what_a_page_of_a_probe_offers_has_no_small_value(aggregates):
    """The samples of all values of a name add up to the same total, which the page shows as well."""
    for k, metric in product((2, 3, 4), ("EXP", "KEXP")):
        aggregates.suppress_below = k
        view = metric_view(aggregates.reader, HistogramQuery(metric))
        pings = [each for each in PINGS if metric == "EXP" or each.payload["keyedHistograms"]["KEXP"]]
        for name in ("version", "os"):
            rows = [
                numbers(each for each in pings if value_of(each, name) == shown["value"])
                for shown in view["values"][name]
            ]
            assert_nothing_follows([*rows, numbers(pings)], k)
        if metric == "KEXP":
            # Each ping has one key at most, so keys split the pings as well.
            rows = [
                numbers(each for each in pings if shown["value"] in each.payload["keyedHistograms"]["KEXP"])
                for shown in view["values"]["label"]
            ]
            assert_nothing_follows([*rows, numbers(pings)], k)


def test_the_days_of_a_probe_in_the_list_have_no_small_day(aggregates):
    """The list shows the samples of all days beside them."""
    for k, metric in product((2, 3, 4), ("EXP", "KEXP")):
        aggregates.suppress_below = k
        reader = aggregates.reader
        days = recent_days(reader, "", "")
        counts = recent_counts(reader, days, [metric]).get(metric)
        if counts is None:
            continue
        pings = [each for each in PINGS if metric == "EXP" or each.payload["keyedHistograms"]["KEXP"]]
        rows = [
            numbers(each for each in pings if value_of(each, "day") == day.table.day)
            for day, samples in zip(days, counts.by_day, strict=True)
            if samples is not None
        ]
        assert_nothing_follows([*rows, numbers(pings)], k)


@pytest.mark.parametrize("period", ["day", "build"])
@pytest.mark.parametrize("split", ["version", "os", "channel"])
def test_the_page_of_clients_has_no_small_group(aggregates, period, split):
    """It shows all clients, those of each period and of each value, and how a period splits into values."""

    def shown_by(by, totals_by=()):
        rows = clients_answer(aggregates.reader, by, totals_by=totals_by)["rows"]
        return {
            tuple(row[name] for name in by): numbers(
                each for each in PINGS if all(value_of(each, name) == row[name] for name in by)
            )
            for row in rows
        }

    for k in (2, 3, 4):
        aggregates.suppress_below = k
        periods, values = shown_by((period,)), shown_by((split,))
        splits = shown_by((period, split), (period,))

        assert_nothing_follows([numbers(PINGS), *periods.values()], k)
        assert_nothing_follows([numbers(PINGS), *values.values()], k)
        for (of_period,), pings in periods.items():
            parts = [part for (in_period, _), part in splits.items() if in_period == of_period]
            assert_nothing_follows([pings, *parts], k)


@given(st.dictionaries(st.integers(0, 8), st.sets(st.integers(0, 12), min_size=1)), st.integers(1, 6))
def test_hidden_values_have_enough_clients_together(values, k):
    """Or nothing is shown; and what is shown has enough itself."""
    clients = {str(value): {bytes([each]) for each in ids} for value, ids in values.items()}
    hidden = hidden_values(clients, k)
    together = set().union(*(clients[value] for value in hidden))

    assert not hidden or len(together) >= k or hidden == clients.keys()
    assert all(len(ids) >= k for value, ids in clients.items() if value not in hidden)
    assert hidden or all(len(ids) >= k for ids in clients.values())
