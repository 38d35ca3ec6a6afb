"""Numbers of the answers, by hand-made pings whose sums are known."""

import pytest

from tests.aggregates.pings import (
    FIXTURE,
    LATER,
    LINUX,
    MAC,
    REVISION,
    SPEC,
    Aggregates,
    Main,
    client_id,
    exp,
    filled,
    histogram,
)
from tests.support.data_root import World, an_id, submitted


@pytest.fixture
async def aggregates(tmp_path):
    """The aggregates of the eight pings."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    await filled(world, FIXTURE.values())
    found = Aggregates(world)
    found.update()
    return found


async def aggregates_of(path, pings, **specs):
    """The aggregates of *pings*."""
    world = World(path)
    world.put_specs(REVISION, SPEC)
    for revision, spec in specs.items():
        world.put_specs({"later": LATER}[revision], spec)
    await filled(world, pings)
    found = Aggregates(world)
    found.update()
    return found


FIRST, SECOND = "20261118", "20261119"


@pytest.mark.parametrize(
    ("group", "asked", "expected"),
    [
        (
            FIRST,
            {},
            {
                "counts": [0, 3, 101, 0, 1, 0, 0, 0, 0, 1], "samples": 106, "sum": 9436, "instances": 5,
                "pings": 4, "clients": 2, "mean": 89.0189,
            },
        ),
        (
            FIRST,
            {"process": "parent"},
            {
                "counts": [0, 3, 100, 0, 1, 0, 0, 0, 0, 1], "sum": 9431, "instances": 4, "pings": 4,
                "mean": 89.8190,
            },
        ),
        (
            FIRST,
            {"os": "Windows_NT"},
            {
                "counts": [0, 3, 1, 0, 1, 0, 0, 0, 0, 0], "sum": 36, "instances": 3, "pings": 2, "clients": 1,
                "mean": 7.2,
            },
        ),
        (
            SECOND,
            {},
            {
                "counts": [4, 0, 0, 0, 0, 3, 1, 0, 0, 0], "sum": 400, "instances": 2, "pings": 2,
                "clients": 1, "without_client": 1, "mean": 50,
            },
        ),
        (
            "20261120",
            {"by": "day"},
            {"counts": [0, 3, 101, 0, 1, 0, 0, 0, 0, 0], "sum": 436, "instances": 4, "pings": 3},
        ),
        (
            "20261121",
            {"by": "day"},
            {"counts": [4, 0, 0, 0, 0, 3, 1, 0, 0, 1], "sum": 9400, "instances": 3, "pings": 3},
        ),
        ("42", {"by": "version"}, {"samples": 114, "pings": 6, "clients": 3, "all_pings": 6}),
        (FIRST, {"process": "content"}, {"samples": 1, "instances": 1, "pings": 1, "clients": 1}),
    ],
)  # fmt: skip
async def test_sums_of_the_eight_pings(aggregates, group, asked, expected):
    """By build, process, system, day and version; a repeated ping counts once, automation not at all."""
    row = aggregates.row(group, **asked)

    for name, value in expected.items():
        assert row[name] == (pytest.approx(value, abs=5e-5) if name == "mean" else value)


async def test_the_answer_says_what_it_leaves_out(aggregates):
    """One ping of a test machine; nothing is suppressed or of another shape."""
    answer = aggregates.answer(first=SECOND, last=SECOND)

    assert answer["left_out"] == {"automation": 1, "implausible_build": 0}
    assert answer["suppressed"] == {"cells": 0, "samples": 0}
    assert answer["other_shapes"] == []
    assert answer["kind"] == "exponential"
    assert answer["through_day"] == "20261121"
    assert answer["as_of"] == "2026-11-21T12:00:00.000008Z"
    assert [row["group"] for row in answer["rows"]] == [SECOND]


async def test_weights_by_client(aggregates):
    """Two clients weigh the same; counts are fractions and only percentiles change beside them."""
    row = aggregates.row(FIRST, weight="clients", percentiles=("5", "25", "50", "75", "95", "99"))
    plain = aggregates.row(FIRST)
    weights = dict(zip(row["starts"], row["counts"], strict=True))

    assert weights[1] == pytest.approx(3 / 5)
    assert weights[3] == pytest.approx(1 / 5 + 100 / 101)
    assert weights[21] == pytest.approx(1 / 5)
    assert weights[3000] == pytest.approx(1 / 101)
    assert sum(row["counts"]) == pytest.approx(2)
    assert [each["value"] for each in row["percentiles"]] == [1, 1, 3, 3, 21, 21]
    same = ("samples", "sum", "instances", "pings", "clients", "mean")
    assert [row[name] for name in same] == [plain[name] for name in same]


async def test_smoothed_shares_have_their_own_percentiles(tmp_path):
    """As GLAM shows them."""
    pings = [
        Main(number, client, 20, parent={"LIN": histogram("LIN", counts, 9)})
        for number, (client, counts) in enumerate(
            [("A", {0: 1, 1: 1, 7: 2}), ("B", {1: 100}), ("C", {0: 3, 7: 1})]
        )
    ]
    found = await aggregates_of(tmp_path, pings)
    row = found.row(FIRST, "LIN", weight="clients", is_smoothed=True, percentiles=("25", "50", "75", "90"))
    plain = found.row(FIRST, "LIN", weight="clients", percentiles=("25", "50", "75", "90"))

    assert row["counts"] == [0.3, 0.3625, 0.2375, 0.05, 0.05]
    assert [each["value"] for each in plain["percentiles"]] == [0, 1, 1, 7]
    assert [each["value"] for each in row["percentiles"]] == [0, 1, 7, 7]


async def test_percentiles_by_sample(aggregates):
    """Value and estimate, and whether it is in the last bucket."""
    row = aggregates.row(FIRST, percentiles=("5", "25", "50", "75", "95", "99"))

    assert [each["value"] for each in row["percentiles"]] == [3, 3, 3, 3, 3, 21]
    estimates = [3.0678, 3.7691, 4.8752, 6.3061, 7.7477, 53.6853]
    assert [each["estimate"] for each in row["percentiles"]] == pytest.approx(estimates, abs=5e-5)
    assert {each["at_least"] for each in row["percentiles"]} == {False}
    assert [each["p"] for each in row["percentiles"]] == [5, 25, 50, 75, 95, 99]


async def test_small_groups_are_suppressed(aggregates):
    """The build of one client is not shown."""
    aggregates.suppress_below = 2
    answer = aggregates.answer()

    assert [row["group"] for row in answer["rows"]] == [FIRST]
    assert answer["suppressed"] == {"cells": 1, "samples": 8}
    assert aggregates.answer(first=SECOND, last=SECOND)["reason"] == "suppressed"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"metric": "LIN"}, "not_sent_by_this_version"),
        ({"version": "43"}, "not_sent_by_this_version"),
        ({"channel": "beta"}, "filtered_out"),
        ({"first": "20200101", "last": "20200102"}, "filtered_out"),
    ],
)
async def test_an_empty_answer_says_why(aggregates, asked, reason):
    """A defined metric that is not sent, or is filtered out."""
    answer = aggregates.answer(**asked)

    assert answer["rows"] == []
    assert answer["reason"] == reason


async def test_one_ping_of_several_processes_and_labels_is_one_ping(tmp_path):
    """Labels apart are instances of their own."""
    keyed = {"alpha": histogram("KEXP", {8: 1}, 9)}
    second = {"alpha": histogram("KEXP", {8: 2}, 20), "beta": histogram("KEXP", {0: 1}, 0)}
    found = await aggregates_of(
        tmp_path,
        [
            Main(1, "A", 20, payload={"keyedHistograms": {"KEXP": keyed}}),
            Main(2, "B", 20, payload={"keyedHistograms": {"KEXP": second}}),
        ],
    )

    alpha, beta = (found.row(FIRST, "KEXP", label=label) for label in ("alpha", "beta"))
    assert [alpha[name] for name in ("samples", "sum", "instances")] == [3, 29, 2]
    assert [beta[name] for name in ("samples", "sum", "instances")] == [1, 0, 1]
    union = found.row(FIRST, "KEXP")
    assert [union[name] for name in ("samples", "instances", "pings", "clients")] == [4, 3, 2, 2]


@pytest.mark.parametrize(
    ("metric", "pings", "expected"),
    [
        (
            "EXP",
            [exp({1: 3}, 30), exp({1: 5}, None), exp({1: 2}, 12)],
            {"mean": 8.4, "sum_unknown": 1, "samples": 10, "sum": 42},
        ),
        ("EXP", [exp({1: 3}, None)], {"mean": None, "sum": None, "sum_unknown": 1}),
        ("EXP", [exp({0: 0}, 0)], {"samples": 0, "clients": 0, "instances": 1, "pings": 1}),
        (
            "CNT",
            [{"CNT": histogram("CNT", {0: count, 1: 0}, count)} for count in (7, 20, 42, 123456)],
            {"sum": 123525, "samples": 4, "instances": 4, "mean": 123525 / 4},
        ),
        (
            "FLAG",
            [{"FLAG": histogram("FLAG", {0: 0, 1: 1}, 1)}, {}, {}],
            {"samples": 1, "pings": 1, "all_pings": 3},
        ),
        (
            "BOOL",
            [{"BOOL": histogram("BOOL", {0: 1, 1: 3}, 3)}],
            {"mean": 0.75, "starts": [0, 1, 2], "counts": [1, 3, 0]},
        ),
        (
            "CAT",
            [{"CAT": histogram("CAT", {0: 4, 2: 1, 50: 2}, 102)}],
            {
                "labels": ["eOK", "eTimeout", "eAbort", "spill"],
                "counts": [4, 0, 1, 2], "mean": None, "percentiles": [],
            },
        ),
        (
            "USE_COUNTER2_X_PAGE",
            [
                {"USE_COUNTER2_X_PAGE": histogram("USE_COUNTER2_X_PAGE", {0: 0, 1: 2}, 2),
                 "TOP_LEVEL_CONTENT_DOCUMENTS_DESTROYED":
                     histogram("TOP_LEVEL_CONTENT_DOCUMENTS_DESTROYED", {0: 10, 1: 0}, 10)},
                {"TOP_LEVEL_CONTENT_DOCUMENTS_DESTROYED":
                     histogram("TOP_LEVEL_CONTENT_DOCUMENTS_DESTROYED", {0: 30, 1: 0}, 30)},
            ],
            {"counts": [38, 2, 0], "mean": 0.05},
        ),
    ],
)  # fmt: skip
async def test_measures_of_every_kind(tmp_path, metric, pings, expected):
    """Sums that are not sent, counts, flags, booleans, categories and use counters."""
    mains = [Main(number, "ABCD"[number], 20, parent=parent) for number, parent in enumerate(pings)]
    found = await aggregates_of(tmp_path, mains)
    row = found.row(FIRST, metric)

    assert {name: row[name] for name in expected} == {
        name: pytest.approx(value) if isinstance(value, float) else value for name, value in expected.items()
    }


async def test_a_use_counter_by_client_has_the_false_values_of_each_client(tmp_path):
    """They are its documents without a true; a client that sent no true has only false values."""
    documents = "TOP_LEVEL_CONTENT_DOCUMENTS_DESTROYED"
    pings = [
        Main(1, "A", 20, parent={
            documents: histogram(documents, {0: 10, 1: 0}, 10),
            "USE_COUNTER2_X_PAGE": histogram("USE_COUNTER2_X_PAGE", {0: 0, 1: 2}, 2),
        }),
        Main(2, "B", 20, parent={documents: histogram(documents, {0: 30, 1: 0}, 30)}),
    ]  # fmt: skip
    found = await aggregates_of(tmp_path, pings)
    by_sample = found.row(FIRST, "USE_COUNTER2_X_PAGE")
    by_client = found.row(FIRST, "USE_COUNTER2_X_PAGE", weight="clients")

    assert (by_sample["counts"], by_sample["clients"]) == ([38, 2, 0], 2)
    assert by_client["counts"] == pytest.approx([0.8 + 1, 0.2, 0])
    assert by_client["clients"] == 2


async def test_counts_are_in_buckets_of_their_own(tmp_path):
    """The count of a ping is one value."""
    counts = [{"CNT": histogram("CNT", {0: count, 1: 0}, count)} for count in (7, 20, 42, 123456)]
    found = await aggregates_of(
        tmp_path, [Main(number, "A", 20, parent=parent) for number, parent in enumerate(counts)]
    )
    row = found.row(FIRST, "CNT")

    filled_buckets = {s: count for s, count in zip(row["starts"], row["counts"], strict=True) if count}
    assert filled_buckets == {7: 1, 19: 1, 40: 1, 10000: 1}
    assert len(row["starts"]) == 100


async def test_scalars_and_simple_measurements(tmp_path):
    """Of every process; what is negative or a text is an instance without a sample."""
    payload = {
        "simpleMeasurements": {"firstPaint": 1500, "nested": {"open": 42}},
        "processes": {
            "parent": {"scalars": {"a.uri_count": 20, "a.kind": "cold", "a.bool": True},
                       "keyedScalars": {"a.keyed": {"Key": 7}}},
            "content": {"scalars": {"a.uri_count": 42, "a.negative": -1}, "histograms": {}},
        },
    }  # fmt: skip
    found = await aggregates_of(tmp_path, [Main(1, "A", 20, payload=payload)])

    def samples(metric, **asked):
        row = found.row(FIRST, metric, **asked)
        return {s: count for s, count in zip(row["starts"], row["counts"], strict=True) if count}, row

    assert samples("SCALARS_A.URI_COUNT")[0] == {19: 1, 40: 1}
    assert samples("SCALARS_A.URI_COUNT", process="content")[0] == {40: 1}
    assert samples("SCALARS_A.URI_COUNT")[1]["pings"] == 1
    assert samples("SCALARS_A.BOOL")[0] == {1: 1}
    assert samples("SCALARS_A.KEYED", label="Key")[0] == {7: 1}
    assert samples("SCALARS_A.NEGATIVE")[0] == samples("SCALARS_A.KIND")[0] == {}
    assert samples("SCALARS_A.NEGATIVE")[1]["sum_unknown"] == 1
    assert samples("SIMPLE_MEASURES_FIRSTPAINT")[0] == {1248: 1}
    assert samples("SIMPLE_MEASURES_NESTED_OPEN")[0] == {35: 1}


CHANGED = {**SPEC, "ENUM4": {**SPEC["ENUM4"], "n_values": 6}, "EXP": {**SPEC["EXP"], "n_buckets": 20},
           "CAT": {**SPEC["CAT"], "labels": ["eTimeout", "eOK", "eAbort"]}}  # fmt: skip


def enumerated(values, buckets):
    """An ENUM4 with these counts."""
    found = histogram("ENUM4", dict(enumerate(values)), 9)
    return {"ENUM4": {**found, "range": [1, buckets - 1], "bucket_count": buckets}}


async def test_shapes_are_apart_unless_they_are_merged(tmp_path):
    """The newest is shown, and how much lies in others."""
    found = await aggregates_of(
        tmp_path,
        [
            Main(1, "A", 20, "20261117030000", parent=enumerated((1, 2, 3, 4, 5), 5)),
            Main(2, "B", 20, parent=enumerated((1,) * 7, 7), revision=LATER),
            Main(3, "C", 20, parent=enumerated((1, 2, 3, 4, 5), 5)),
        ],
        later=CHANGED,
    )
    answer = found.answer("ENUM4", by="version")

    assert answer["rows"][0]["counts"] in ([1] * 7, [2, 4, 6, 8, 10])
    apart = found.answer("ENUM4", by="build", first=FIRST)
    assert len(apart["other_shapes"]) == 1
    assert apart["other_shapes"][0]["samples"] in (7, 15)
    assert apart["other_shapes"][0]["revisions"]
    both = found.row("42", "ENUM4", by="version", merges=True)
    assert both["counts"] == [3, 5, 7, 9, 1, 1, 11]
    assert both["unknown"] == [4, 5]
    weighed = found.row("42", "ENUM4", by="version", merges=True, weight="clients")
    assert sum(weighed["counts"]) == pytest.approx(3)


async def test_reordered_labels_are_never_merged(tmp_path):
    """Two shapes, whatever is asked."""
    found = await aggregates_of(
        tmp_path,
        [
            Main(1, "A", 20, parent={"CAT": histogram("CAT", {0: 1}, 0)}),
            Main(2, "B", 20, parent={"CAT": histogram("CAT", {0: 2}, 0)}, revision=LATER),
        ],
        later=CHANGED,
    )

    assert sum(found.row(FIRST, "CAT", merges=True)["counts"]) in (1, 2)
    assert len(found.answer("CAT", merges=True)["other_shapes"]) == 1


async def test_memory_distributions_keep_the_starts_that_clients_send(tmp_path):
    """All samples are in buckets of their starts."""
    ping = {
        "client_info": {"client_id": client_id("A"), "app_channel": "beta", "app_build": "7"},
        "ping_info": {"seq": 1},
        "metrics": {
            "memory_distribution": {"heap": {"sum": 132000, "values": {"31": 2, "1023": 1, "32767": 4}}},
            "labeled_counter": {"errors": {"b": 2, "a": 1, "__other__": 3}},
            "counter": {"loads": 20},
        },
    }  # fmt: skip
    world = World(tmp_path)
    world.receive([submitted(ping, 1, path=f"/submit/org-example/metrics/1/{an_id(1)}")])
    await world.convert()
    found = Aggregates(world)
    found.update()
    row = found.answer("heap", percentiles=("50",))["rows"][0]

    counts = dict(zip(row["starts"], row["counts"], strict=True))
    assert {s: count for s, count in counts.items() if count} == {31: 2, 1023: 1, 32767: 4}
    assert row["percentiles"][0]["value"] == 32767
    assert "foreign_starts" not in row
    errors = found.answer("errors")["rows"][0]
    assert (errors["labels"], errors["counts"]) == (["a", "b", "__other__"], [1, 2, 3])
    assert found.answer("loads")["rows"][0]["sum"] == 20
    by_client = found.answer("errors", weight="clients")["rows"][0]
    assert by_client["counts"] == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    assert by_client["labels"] == errors["labels"]


async def test_branches_of_an_experiment(tmp_path):
    """Pings outside of it are left out; the mean has an interval."""
    pings = [
        Main(number, "ABCDEFGH"[number], 20, parent=exp({8: number + 1}, 9 * (number + 1)),
             experiments={"pref": ("red", "blue")[number % 2]} if number < 6 else {})
        for number in range(8)
    ]  # fmt: skip
    found = await aggregates_of(tmp_path, pings)
    answer = found.answer(by="branch", experiment="pref")

    assert [row["group"] for row in answer["rows"]] == ["blue", "red"]
    red = answer["rows"][1]
    assert (red["samples"], red["clients"], red["pings"], red["all_pings"]) == (1 + 3 + 5, 3, 3, 3)
    assert red["interval"]["low"] <= red["mean"] <= red["interval"]["high"]
    assert red["interval"]["method"] == "bootstrap"
    assert answer == found.answer(by="branch", experiment="pref")


async def test_a_boolean_that_each_client_sends_once_has_wilsons_interval(tmp_path):
    """Independent values."""
    pings = [
        Main(number, "ABCDEF"[number], 20, experiments={"pref": "red"},
             parent={"BOOL": histogram("BOOL", {0: number % 2, 1: 1 - number % 2}, 1 - number % 2)})
        for number in range(6)
    ]  # fmt: skip
    found = await aggregates_of(tmp_path, pings)
    row = found.answer("BOOL", by="branch", experiment="pref")["rows"][0]

    assert row["mean"] == 0.5
    assert row["interval"]["method"] == "wilson"


@pytest.mark.parametrize(
    ("compare", "samples"), [(FIRST, 106), ("42", 114), ("41", None), ("20250101", None)]
)
async def test_a_histogram_to_compare_with(aggregates, compare, samples):
    """A build or a version beside the rows."""
    compared = aggregates.answer(first=SECOND, last=SECOND, compare=compare)["compare"]

    assert compared["group"] == compare
    assert (compared["row"] and compared["row"]["samples"]) == samples


async def test_versions_of_linux_are_cut_at_the_second_dot(tmp_path):
    """6.1 and 6.10 are two versions."""
    kernels = ("3.16.0-4", "6.1.0", "6.10.2")
    pings = [Main(number, "A", 20, os=("Linux", kernel), parent=exp({8: 1}, 9))
             for number, kernel in enumerate(kernels)]  # fmt: skip
    found = await aggregates_of(tmp_path, [*pings, Main(9, "A", 20, os=MAC, parent=exp({8: 1}, 9))])

    for kernel in ("3.16", "6.1", "6.10"):
        assert found.row(FIRST, os=LINUX[0], os_version=kernel)["pings"] == 1


async def test_a_build_far_from_its_arrival_is_left_out_and_counted(tmp_path):
    """More than three days ahead, or more than a year old."""
    builds = ("20261124030000", "20251001030000", "20261123030000", "20251120030000", "x")
    found = await aggregates_of(
        tmp_path, [Main(number, "A", 20, build, parent=exp({8: 1}, 9)) for number, build in enumerate(builds)]
    )
    answer = found.answer()

    assert answer["left_out"]["implausible_build"] == 2
    assert [row["group"] for row in answer["rows"]] == ["20251120", "20261123", "UNKNOWN"]
