"""`/api/v1/histogram`, `/api/v1/clients` and the old service, over HTTP."""

import asyncio
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from telemetry_server.reports.public_access import PublicAccess
from tests.aggregates.old_client import OldClient
from tests.aggregates.pings import (
    FIXTURE,
    REVISION,
    SPEC,
    Aggregates,
    Main,
    exp,
    filled,
    histogram,
)
from tests.reports.reports_server import running_reports
from tests.support.data_root import World

FIRST, SECOND = "20261118", "20261119"
MARKUP = "<img src=x onerror=alert(1)>"
MARKED = {**SPEC, "EXP": {**SPEC["EXP"], "description": "a <b> & c"}}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The eight pings, and two with markup in their texts."""
    found = World(tmp_path_factory.mktemp("aggregates"))
    found.put_specs(REVISION, MARKED)
    asyncio.run(filled(found, FIXTURE.values()))
    Aggregates(found).update()
    return found


@pytest.fixture
async def reports(world):
    """Reports over them."""
    public = PublicAccess(origins=frozenset({"*"}))
    async with running_reports(world.setup, public=public) as running:
        yield running


def target(path="/api/v1/histogram", **query):
    return f"{path}?{urlencode(query)}"


async def test_the_answer_has_the_form_of_the_api(reports):
    """Every name that programs hold on to."""
    answer = await reports.get(target(metric="EXP", percentiles="50,99.9"))
    found = answer.json()

    assert answer.status == 200
    names = {"metric", "kind", "weight", "as_of", "rows", "suppressed", "other_shapes", "left_out"}
    assert set(found) >= names
    row = found["rows"][0]
    assert set(row) >= {
        *("group", "starts", "counts", "sum", "samples", "instances", "pings", "clients", "mean"),
        *("percentiles", "without_client", "sum_unknown"),
    }  # fmt: skip
    assert row["counts"] == [0, 3, 101, 0, 1, 0, 0, 0, 0, 1]
    assert [each["p"] for each in row["percentiles"]] == [50, 99.9]
    assert found["suppressed"] == {"cells": 0, "samples": 0}


@pytest.mark.parametrize(
    ("query", "groups"),
    [
        ({"from": SECOND, "to": SECOND}, [SECOND]),
        ({"by": "day"}, ["20261120", "20261121"]),
        ({"by": "day", "from": "2026-11-21"}, ["20261121"]),
        ({"by": "version"}, ["42"]),
        ({"channel": "nightly", "version": "42.0a1"}, [FIRST, SECOND]),
        ({"os": "Linux", "os_version": "6.1", "architecture": "x86-64"}, [SECOND]),
        ({"application": "Firefox", "doctype": "main", "process": "content"}, [FIRST]),
        ({"channel": "beta"}, []),
        ({"as_of": "2026-11-20"}, [FIRST]),
        ({"weight": "clients", "merge": "coarsen", "smoothed": "1"}, [FIRST, SECOND]),
    ],
)
async def test_parameters_select_and_group(reports, query, groups):
    """Each one alone and together."""
    found = (await reports.get(target(metric="EXP", **query))).json()

    assert [row["group"] for row in found["rows"]] == groups
    assert ("reason" in found) == (not groups)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"metric": ""},
        {"metric": "EXP", "by": "hour"},
        {"metric": "EXP", "by": "branch"},
        {"metric": "EXP", "from": "20261399"},
        {"metric": "EXP", "percentiles": "101"},
        {"metric": "EXP", "percentiles": "x"},
        {"metric": "EXP", "weight": "pings"},
        {"metric": "EXP", "merge": "all"},
        {"metric": "EXP", "compare": "nightly"},
        {"metric": "EXP", "unknown": "1"},
    ],
)
async def test_a_wrong_parameter_is_400(reports, query):
    """And an error in the one form."""
    answer = await reports.get(target(**query))

    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json")


async def test_an_unknown_metric_is_404(reports):
    """One that is neither defined nor seen; a defined one is an empty answer."""
    missing = await reports.get(target(metric="NOPE"))
    defined = await reports.get(target(metric="LIN"))

    assert missing.status == 404
    assert missing.json()["reason"] == "no_such_metric"
    assert defined.status == 200
    assert defined.json()["reason"] == "not_sent_by_this_version"


async def test_csv_has_a_line_for_each_bucket(reports):
    """By parameter or by Accept."""
    by_parameter = await reports.get(target(metric="EXP", format="csv"))
    by_header = await reports.get(target(metric="EXP"), headers={"Accept": "text/csv"})

    lines = by_parameter.text.split("\r\n")
    assert lines[:3] == ["group,start,label,count", f"{FIRST},0,,0", f"{FIRST},1,,3"]
    assert by_header.text == by_parameter.text


async def test_clients_are_distinct(reports):
    """By version, channel and day; a client of two days is one client of their version."""
    by_day = (await reports.get(target("/api/v1/clients", by="version,channel,day"))).json()
    whole = (await reports.get(target("/api/v1/clients", by="version"))).json()
    wrong = await reports.get(target("/api/v1/clients", by="name"))

    assert by_day["rows"] == [
        {"version": "42", "channel": "nightly", "day": "20261120", "clients": 2, "pings": 3},
        {"version": "42", "channel": "nightly", "day": "20261121", "clients": 2, "pings": 3},
    ]
    assert whole["rows"] == [{"version": "42", "clients": 3, "pings": 6}]
    assert wrong.status == 400


async def test_the_old_service_lists_what_there_is(reports):
    """Channels, dates and filters, the newest first."""
    old = OldClient(reports)

    assert await old.json("/aggregates_by/build_id/channels/") == ["nightly"]
    assert await old.json("/aggregates_by/build_id/channels/nightly/dates/") == [
        {"version": "42", "date": SECOND},
        {"version": "42", "date": FIRST},
    ]
    days = await old.json("/aggregates_by/submission_date/channels/nightly/dates/")
    assert [each["date"] for each in days] == ["20261121", "20261120"]
    filters = await old.json("/filters/?channel=nightly&version=42")
    assert filters == {
        "metric": ["EXP"],
        "application": ["Firefox"],
        "architecture": ["x86-64"],
        "os": ["Darwin,14.3.0", "Linux,6.1", "Windows_NT,10.0"],
        "child": ["parent", "content"],
    }


async def test_the_old_service_gives_histograms_by_date(reports):
    """Two builds, with instances as their count."""
    old = OldClient(reports)
    found = await old.histograms("build_id", "nightly", "42", [FIRST, SECOND], "EXP")

    assert found["buckets"] == [0, 1, 3, 8, 21, 57, 154, 414, 1114, 3000]
    assert found["kind"] == "exponential"
    assert found["description"] == "a &lt;b&gt; &amp; c"
    assert found["data"] == [
        {"date": FIRST, "label": "", "histogram": [0, 3, 101, 0, 1, 0, 0, 0, 0, 1], "count": 5, "sum": 9436},
        {"date": SECOND, "label": "", "histogram": [4, 0, 0, 0, 0, 3, 1, 0, 0, 0], "count": 2, "sum": 400},
    ]


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        ("parent", ([0, 3, 0, 0, 1, 0, 0, 0, 0, 0], 2, 31)),
        ("false", ([0, 3, 0, 0, 1, 0, 0, 0, 0, 0], 2, 31)),
        ("true", ([0, 0, 1, 0, 0, 0, 0, 0, 0, 0], 1, 5)),
        ("gpu", None),
    ],
)
async def test_the_old_service_filters(reports, child, expected):
    """By process, in new words and old, and by system."""
    old = OldClient(reports)
    filters = {"os": "Windows_NT", "child": child}
    answer = await old.get(old.target("build_id", "nightly", "42", [FIRST], "EXP", **filters))

    if expected is None:
        assert answer.status == 404
    else:
        (entry,) = answer.json()["data"]
        assert (entry["histogram"], entry["count"], entry["sum"]) == expected


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("channels/nightly/?version=42&dates=20261118&metric=NOPE", 404),
        ("channels/nightly/?version=42&dates=20200101&metric=EXP", 404),
        ("channels/nightly/?version=42&dates=20261118&metric=EXP&foo=1", 405),
        ("channels/nightly/?version=42&dates=20261118", 404),
        ("channels/beta/dates/", 404),
        ("channels/nightly/?version=42&dates=20261118&metric=EXP&os=Windows_NT&os=Darwin", 200),
    ],
)
async def test_the_old_service_refuses_in_json(reports, path, status):
    """With the statuses that its page bears."""
    answer = await reports.get(f"/aggregates_by/build_id/{path}")

    assert answer.status == status
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "json" in answer.headers["Content-Type"]
    if status == 405:
        assert "foo" not in answer.headers["Allow"]


async def test_the_old_service_takes_long_targets(reports):
    """An address with 330 builds, and one that has many filters too."""
    builds = [FIRST, *(f"2025{number:04}" for number in range(329))]
    old = OldClient(reports)
    address = old.target("build_id", "nightly", "42", builds, "EXP", os="Windows_NT%2C10.0")
    longer = address + "".join(f"&os=Windows_NT%2C10.0.{number}" for number in range(20))

    assert len(address) > 3600
    assert len(longer) > 4000
    for each in (address, longer):
        (entry,) = (await reports.get(each)).json()["data"]
        assert (entry["count"], entry["sum"]) == (3, 36)


async def test_an_answer_has_a_tag_until_a_new_record_comes(tmp_path):
    """304, then 200 with another tag."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    await filled(world, [FIXTURE["P1"]])
    Aggregates(world).update()
    old = OldClient.target("build_id", "nightly", "42", [FIRST], "EXP")
    async with running_reports(world.setup) as reports:
        tag = (await reports.get(old)).headers["ETag"]
        same = await reports.get(old, headers={"If-None-Match": tag})
        await filled(world, [FIXTURE["P2"]])
        Aggregates(world).update()
        await asyncio.sleep(2.6)  # answers are shared for so long
        changed = await reports.get(old, headers={"If-None-Match": tag})

    assert same.status == 304
    assert changed.status == 200
    assert changed.headers["ETag"] != tag


async def test_markup_of_clients_is_other(tmp_path):
    """On the old service, whose page would run it; the tables keep what was sent."""
    world = World(tmp_path)
    world.put_specs(REVISION, MARKED)
    keyed = {MARKUP: histogram("KEXP", {8: 1}, 9)}
    ping = Main(1, "A", 20, os=(MARKUP, "1"), channel="nightly", parent=exp({8: 1}, 9),
                payload={"keyedHistograms": {"KEXP": keyed}})  # fmt: skip
    await filled(world, [replace(ping), Main(2, "B", 20, parent=exp({8: 2}, 18))])
    Aggregates(world).update()
    async with running_reports(world.setup) as reports:
        old = OldClient(reports)
        filters = await old.json("/filters/?channel=nightly&version=42")
        other = await old.histograms("build_id", "nightly", "42", [FIRST], "EXP", os="OTHER")
        labels = await old.histograms("build_id", "nightly", "42", [FIRST], "KEXP")
        ours = (await reports.get(target(metric="EXP", os=MARKUP))).json()

    assert filters["os"] == ["OTHER,1", "Windows_NT,10.0"]
    assert other["data"][0]["sum"] == 9
    assert [entry["label"] for entry in labels["data"]] == ["OTHER"]
    assert ours["rows"][0]["sum"] == 9


KINDS = {
    "BOOL": ({0: 1, 1: 3}, 3, [0, 1, 2], [1, 3, 0]),
    "FLAG": ({0: 0, 1: 1}, 1, [0, 1], [0, 1]),
    "CAT": ({0: 4, 2: 1, 50: 2}, 102, ["eOK", "eTimeout", "eAbort", "spill"], [4, 0, 1, 2]),
    "ENUM4": ({1: 2, 4: 3}, 14, [0, 1, 2, 3, 4], [0, 2, 0, 0, 3]),
    "LIN": ({0: 30, 1: 70}, 99, [0, 1, 7, 14, 20], [30, 70, 0, 0, 0]),
}


async def test_a_page_of_the_dashboard_gets_every_kind(tmp_path):
    """Its requests in their order; keyed ones by label, versions of Linux as they are listed."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    plain = {name: histogram(name, values, total) for name, (values, total, _, _) in KINDS.items()}
    first = {"alpha": histogram("KEXP", {8: 1}, 9)}
    second = {"alpha": histogram("KEXP", {8: 2}, 20), "beta": histogram("KEXP", {0: 1}, 0)}
    counts = [{"CNT": histogram("CNT", {0: count, 1: 0}, count)} for count in (7, 20, 42, 123456)]
    kernels = ("3.16.0-4", "6.1.0", "6.10.2", "6.1.0")
    pings = [
        Main(
            number, "ABCD"[number], 20, os=("Linux", kernels[number]),
            parent={**counts[number], **(plain if not number else {})},
            payload={"keyedHistograms": {"KEXP": (first, second, {}, {})[number]}},
        )
        for number in range(4)
    ]  # fmt: skip
    await filled(world, pings)
    Aggregates(world).update()
    async with running_reports(world.setup) as reports:
        old = OldClient(reports)
        pages = {name: await old.load_page(name) for name in (*KINDS, "KEXP", "CNT")}
        listed = await old.json("/filters/?channel=nightly&version=42")
        newest = await old.load_page("CNT", os="Linux,6.10")

    for name, (_, total, buckets, wire_counts) in KINDS.items():
        (entry,) = pages[name]["data"]
        assert (pages[name]["buckets"], entry["histogram"], entry["sum"]) == (buckets, wire_counts, total)
    labels = {each["label"]: (each["sum"], each["count"]) for each in pages["KEXP"]["data"]}
    assert labels == {"alpha": (29, 2), "beta": (0, 1)}
    (counted,) = pages["CNT"]["data"]
    filled_buckets = dict(zip(pages["CNT"]["buckets"], counted["histogram"], strict=True))
    assert {start: count for start, count in filled_buckets.items() if count} == {
        7: 1,
        19: 1,
        40: 1,
        10000: 1,
    }
    assert listed["os"] == ["Linux,3.16", "Linux,6.1", "Linux,6.10"]
    assert newest["data"][0]["sum"] == 42
    assert len(old.requests) == 5 * 8 + 1


async def test_hidden_metrics_are_left_out(world):
    """By patterns of the operator."""
    from telemetry_server.reports.queries.aggregates import old_service_query
    from telemetry_server.reports.queries.setup import QuerySetup
    from telemetry_server.reports.queries.source import Source

    source = Source(QuerySetup(world.setup, "1", 30.0, 1 << 29, aggregates_hidden=("E*",)))
    asked = {"by": "build_id", "channel": "nightly", "version": "42", "dates": [FIRST], "filters": {}}
    asked["is_public"] = True

    assert old_service_query(source, {"what": "histograms", "metric": "EXP", **asked}) == {"answer": None}
    assert old_service_query(source, {"what": "filters", **asked}) == {"answer": None}
