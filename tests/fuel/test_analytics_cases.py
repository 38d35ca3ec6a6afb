"""The acceptance cases of the analytics, as tables, on both databases."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from telemetry_server.fuel.exports.aggregate import aggregates
from telemetry_server.fuel.exports.json_rows import BadPage, Page, logs_of, page_of, summary
from telemetry_server.fuel.exports.window import BadDate, window_of
from tests.fuel.analytics import Analytics
from tests.fuel.documents import a_node, a_request_log, a_run, a_structure, a_task, a_workload
from tests.fuel.fleet import NOW, Fleet, store


def a_cluster(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return an operable environment."""
    (whole,) = a_structure()["installation_structure"]["clusters"]
    return {**whole, "id": number, "nodes": []} | fields


def with_clusters(uid: str, *clusters: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a structure with these environments."""
    more = {"clusters": list(clusters), "clusters_num": len(clusters)} | fields
    structure: dict[str, Any] = a_structure(uid, **more)["installation_structure"]
    return structure


def loaded(analytics: Analytics, fleet: Fleet) -> Analytics:
    """Store *fleet* and load it."""
    store(analytics.collector_url, fleet)
    analytics.load()
    return analytics


def release(name: str) -> dict[str, Any]:
    """Return a release of Fuel."""
    return {"release": name, "api": "1.0", "feature_groups": []}


@pytest.mark.parametrize(("asked", "expected"), [("", 2), ("8.0", 1), ("zz", 0)])
def test_the_aggregate_counts_installations_that_are_not_filtered(analytics, asked, expected):
    """A release that no installation has is answered by zeros."""
    fleet = Fleet(
        [
            with_clusters("a", fuel_release=release("9.0")),
            with_clusters("b", fuel_release=release("8.0")),
            with_clusters("c", fuel_release=release("8.0")),
        ],
        {"c"},
    )
    store(analytics.collector_url, fleet)

    found = analytics.collector.read(lambda c: aggregates(c, asked))
    assert found[asked]["installations"]["count"] == expected
    assert found.keys() == ({"", "8.0", "9.0"} if not asked else {asked})
    if asked == "zz":
        assert found["zz"] == {
            "installations": {"count": 0, "environments_num": {}},
            "environments": {
                "count": 0,
                "operable_envs_count": 0,
                "statuses": {},
                "nodes_num": {},
                "hypervisors_num": {},
                "oses_num": {},
            },
        }


def test_the_aggregate_counts_environments(analytics):
    """Hypervisors, systems and sizes of operable ones only; case does not count."""
    clusters = [
        a_cluster(1, attributes={"libvirt_type": "KVM"}, nodes_num=0),
        a_cluster(2, attributes={"libvirt_type": "kvm"}, status="error"),
        a_cluster(3, attributes={"libvirt_type": "qemu"}, status="new"),
    ]
    store(
        analytics.collector_url,
        Fleet([with_clusters("a", *clusters), with_clusters("b"), with_clusters("c", clusters_num=0)]),
    )

    found = analytics.collector.read(lambda c: aggregates(c, ""))[""]
    assert found["installations"] == {"count": 3, "environments_num": {"3": 1, "0": 2}}
    assert found["environments"] == {
        "count": 3,
        "operable_envs_count": 2,
        "statuses": {"operational": 1, "error": 1, "new": 1},
        "nodes_num": {"0": 1, "2": 1},
        "hypervisors_num": {"kvm": 2},
        "oses_num": {"ubuntu": 2},
    }


def test_an_unknown_system_is_counted_as_such(analytics):
    systems = [{"version": "v", "os": name, "name": "n"} for name in ("Ubuntu", "ubuntu", "CentOS", " ")]
    clusters = [a_cluster(number, release=name) for number, name in enumerate(systems)]
    loaded(analytics, Fleet([with_clusters("a", *clusters)]))

    assert analytics.table("os", "clusters") == {"ubuntu": 2, "centos": 1, "unknown": 1}
    assert analytics.table("os", "installations") == {"ubuntu": 1, "centos": 1, "unknown": 1}


def test_sizes_have_half_open_ranges(analytics):
    clusters = [a_cluster(number, nodes_num=number) for number in (0, 4, 5, 99, 100)]
    loaded(analytics, Fleet([with_clusters("a", *clusters)]))

    sizes = analytics.table("environment-sizes", "sizes")
    assert list(sizes.items()) == [("0", 1), ("1-5", 1), ("5-10", 1), ("50-100", 1), ("100+", 1)]


@pytest.mark.parametrize("text", ["20260224", "2026-2-24", "2026-02-30", "today", "2026-02-24T00"])
def test_a_date_of_another_form_is_refused_with_its_name(text):
    with pytest.raises(BadDate, match=r"from_date: .*YYYY-MM-DD"):
        window_of(text, "", date(2026, 6, 30))


def test_the_window_of_files_is_ninety_days_by_default():
    window = window_of("", "", date(2026, 6, 30))

    assert (window.first, window.last) == (date(2026, 4, 1), date(2026, 6, 30))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Page()),
        ("banana", Page()),
        ("[1]", Page()),
        ('{"limit": 2, "offset": 2, "more": 1}', Page(2, 2)),
        ('{"limit": -1}', None),
        ('{"limit": 0}', None),
        ('{"limit": 10001}', None),
        ('{"limit": 1.5}', None),
        ('{"limit": true}', None),
        ('{"offset": -1}', None),
        ('{"offset": "1"}', None),
    ],
)
def test_pages_have_limits(text, expected):
    """What is not an object means the first page; a limit that is not a number is refused."""
    if expected is not None:
        assert page_of(text) == expected
        return
    with pytest.raises(BadPage, match="must be a whole number"):
        page_of(text)


def test_rows_come_in_pages(analytics):
    store(analytics.collector_url, Fleet(logs=[a_task(number) for number in range(5)]))

    page = analytics.collector.read(lambda c: logs_of(c, "inst-aurora", Page(2, 2)))
    assert page["paging_params"] == {"limit": 2, "offset": 2, "total": 5}
    assert [row["external_id"] for row in page["objs"]] == [2, 3]
    assert page["objs"][0]["body"]["action_name"] == "deploy"


def attempts(*statuses: str, cluster: int, first: int = 0) -> list[dict[str, Any]]:
    """Return tasks "deploy" one after the other."""
    logs = []
    for number, status in enumerate(statuses, first):
        begin = datetime(2026, 2, 1) + timedelta(hours=number)
        info = {"parent_task_id": None, "ended_with_status": status}
        logs.append(
            a_task(
                number,
                cluster_id=cluster,
                start_timestamp=begin.isoformat(),
                end_timestamp=(begin + timedelta(minutes=10)).isoformat(),
                additional_info=info,
            )
        )
    return logs


def test_failures_before_success(analytics):
    """The first success of an environment, and each; one that never succeeded is not averaged."""
    logs = attempts("error", "error", "ready", "error", "ready", cluster=1)
    logs += attempts("error", cluster=2, first=10) + attempts("ready", cluster=3, first=20)
    loaded(analytics, Fleet(logs=logs))

    found = analytics.report("failures-before-success")
    assert found["totals"] == {"environments": 3, "never_succeeded": 1, "average": 1.0, "average_every": 1.0}
    assert found["tables"]["failures"] == [{"value": "0", "count": 1}, {"value": "2", "count": 1}]


def a_timed_task(number: int, seconds: float, status: str = "ready", **fields: Any) -> dict[str, Any]:
    """Return a task of so many seconds."""
    begin = datetime(2026, 2, 1, 8)
    info = {"parent_task_id": fields.pop("parent", None), "ended_with_status": status}
    return a_task(
        number,
        start_timestamp=begin.isoformat(),
        end_timestamp=(begin + timedelta(seconds=seconds)).isoformat(),
        additional_info=info,
        **fields,
    )


def test_deployment_time_counts_top_level_tasks_that_succeeded(analytics):
    """No error, no child, no API call; what ended before its start is invalid."""
    call = a_request_log(6, action_name="deploy_changes", end_timestamp="2026-02-01T08:00:00.4")
    logs = [
        a_timed_task(1, 600),
        a_timed_task(2, 1200),
        a_timed_task(3, 30, "error"),
        a_timed_task(4, 500, action_name="deployment", parent=1),
        a_timed_task(5, -1),
        call,
    ]
    structure = a_structure()["installation_structure"]
    loaded(analytics, Fleet([structure], logs=logs))

    found = analytics.report("deployment-time")
    times = {"count": 2, "invalid": 1, "mean": 900, "median": 900, "p90": 1200, "min": 600, "max": 1200}
    assert found["totals"] == times
    assert found["tables"] == {
        "release": [{"value": "mitaka-9.0", **times}],
        "mode": [{"value": "ha_compact", **times}],
    }


def test_node_types_count_a_combined_node_once_in_each_role(analytics):
    roles = (["compute", "cinder"], ["cinder", "compute"], ["controller"], [])
    nodes = [a_node(number, roles=names) for number, names in enumerate(roles)]
    loaded(analytics, Fleet([with_clusters("a", a_cluster(nodes=nodes))]))

    found = analytics.report("node-types")
    assert found["totals"] == {"nodes": 4, "compute_and_storage": 2}
    assert analytics.table("node-types", "combinations") == {"cinder+compute": 2, "controller": 1, "none": 1}
    assert analytics.table("node-types", "roles") == {"cinder": 2, "compute": 2, "controller": 1}


def test_health_checks_leave_out_what_was_skipped(analytics):
    """The ratio of a test that was never executed is null."""
    statuses = ["failure"] * 3 + ["skipped"] * 2 + ["success"] * 5
    runs = [
        a_run(number, tests=[{"id": "a", "status": status}, {"id": "b", "status": "skipped"}])
        for number, status in enumerate(statuses)
    ]
    loaded(analytics, Fleet(runs=runs))

    a, b = analytics.report("health-checks")["tables"]["tests"]
    assert (a["value"], a["runs"], a["failures"], a["skipped"], a["ratio"]) == ("a", 10, 3, 2, 0.375)
    assert (b["value"], b["runs"], b["ratio"], b["low"], b["high"]) == ("b", 10, None, None, None)
    assert (a["low"], a["high"]) == pytest.approx((0.1368, 0.6943), abs=1e-3)


def test_makers_are_compared_without_case_and_space(analytics):
    nodes = [a_node(number, manufacturer=name) for number, name in enumerate(("HP", "hp ", "VirtualBox"))]
    loaded(analytics, Fleet([with_clusters("a", a_cluster(nodes=nodes))]))

    assert analytics.table("server-types", "manufacturers") == {"hp": 2, "virtualbox": 1}
    assert analytics.table("server-types", "manufacturers", "class") == {
        "hp": "physical",
        "virtualbox": "virtual",
    }


def test_the_summary_counts_all_rows(analytics):
    fleet = Fleet([with_clusters(f"i{number}") for number in range(5)], {"i3", "i4"})
    fleet.logs = [a_task(number) for number in range(7)]
    fleet.workloads = [a_workload(number) for number in range(4)]
    store(analytics.collector_url, fleet)

    assert analytics.collector.read(summary) == {
        "installation_structures": {"total": 5, "filtered": 2, "not_filtered": 3},
        "action_logs": {"total": 7},
        "oswl_stats": {"total": 4},
    }


def test_days_select_operations_by_their_end(analytics):
    """Both days are included; a report of state ignores them."""
    ends = ["2026-02-01T23:59:59.999999", "2026-02-02T00:00:00", "2026-02-03T23:59:59", "2026-02-04T00:00:00"]
    logs = [a_task(number, start_timestamp=end, end_timestamp=end) for number, end in enumerate(ends)]
    loaded(analytics, Fleet([a_structure()["installation_structure"]], logs=logs))

    days = {"first": "2026-02-02", "last": "2026-02-03"}
    assert analytics.report("deployment-time", **days)["totals"]["count"] == 2
    assert analytics.report("releases", **days)["totals"]["installations"] == 1


CATEGORY_VALUES = {
    "os": Counter({"ubuntu": 1}),
    "reference-architecture": Counter({"ha_compact": 1}),
    "network-type": Counter({"unknown": 1}),
    "hypervisor": Counter({"kvm": 1}),
    "storage": Counter({"none": 1}),
    "projects": Counter({"none": 1}),
    "nodes": Counter({"2": 1}),
    "status": Counter({"operational": 1}),
    "openstack-version": Counter({"mitaka-9.0": 1}),
    "settings": Counter({"libvirt_type=KVM": 1}),
    "networking-configuration": Counter({"unknown": 1}),
    "customisation": Counter({"unknown": 1}),
    "kernel-parameters": Counter({"unknown": 1}),
    "dns": Counter({"unknown": 1}),
    "plugins": Counter({"unknown": 1}),
    "roles": Counter({"controller": 1, "cinder": 1, "compute": 1}),
    "hardware": Counter({"unknown": 2}),
    "interfaces": Counter({"unknown": 2}),
    "disk-layout": Counter({"unknown": 2}),
    "pxe": Counter({"unknown": 2}),
    "installation": Counter({"present": 1}),
    "environments": Counter({"1": 1}),
    "fuel-version": Counter({"9.0": 1}),
    "fuel-build": Counter({"unknown": 1}),
    "admin-network": Counter({"unknown": 1}),
    "fuel-menu": Counter({"unknown": 1}),
    "contact": Counter({"unknown": 1}),
    "operation-type": Counter({"deploy": 1}),
    "operation-time": Counter({"2026-02-01": 1}),
    "execution-time": Counter({"10-60 min": 1}),
    "network-verification": Counter({"never": 1}),
    "health-checks": Counter({"success": 1}),
}


def test_every_category_of_collected_data_has_a_distribution(analytics):
    """Of what is missing, ``unknown``; the names are those of the documentation."""
    from telemetry_server.fuel.facts.categories import CATEGORIES

    structure = a_structure()["installation_structure"]
    loaded(analytics, Fleet([structure], logs=[a_task(1)], runs=[a_run()]))

    assert CATEGORY_VALUES.keys() == CATEGORIES.keys()
    for category, values in CATEGORY_VALUES.items():
        found = analytics.report("distribution", of=category)
        assert {row["value"]: row["count"] for row in found["tables"]["values"]} == values, category
        assert found["totals"] == {"installations": 1, "clusters": 1}


def test_an_answer_repeats_what_was_asked_and_says_how_fresh_it_is(analytics):
    before = analytics.report("os")
    store(analytics.collector_url, Fleet([with_clusters("a")]), NOW)
    analytics.load()
    after = analytics.report("os", release="9.0", first="2026-01-01")

    assert before["data_through"] is None
    assert datetime.now(UTC) - datetime.fromisoformat(after["data_through"]) < timedelta(minutes=10)
    assert after["parameters"] == {
        "from": "2026-01-01",
        "to": None,
        "release": "9.0",
        "include_filtered": False,
        "suppress_below": 1,
    }
