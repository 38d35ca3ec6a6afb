"""Every report against a plain computation over what was sent, on both databases."""

from datetime import date

import pytest

from tests.fuel.analytics import Analytics
from tests.fuel.fleet import NOW, generated_fleet, store
from tests.fuel.plain_reports import Plain

SPAN = (date(2026, 3, 1), date(2026, 5, 31))


@pytest.fixture(params=[1, 2])
def seed(request) -> int:
    """Two fleets."""
    return int(request.param)


@pytest.fixture
def loaded(analytics: Analytics, seed: int) -> Analytics:
    """The databases with a fleet, loaded."""
    store(analytics.collector_url, generated_fleet(seed))
    analytics.load()
    return analytics


def check_state(loaded: Analytics, plain: Plain, release: str = "") -> None:
    """Compare totals and tables of the reports on the present state."""
    asked = {"release": release}

    def table(name: str, table: str) -> dict[str, int]:
        return loaded.table(name, table, **asked)

    def totals(name: str) -> dict[str, object]:
        return dict(loaded.report(name, **asked)["totals"])

    assert {name: table("os", name) for name in ("clusters", "installations")} == plain.os()
    assert totals("os") == {"clusters": len(plain.operable)}
    assert {name: table("releases", name) for name in ("installations", "clusters")} == plain.releases()
    assert totals("releases") == {"installations": len(plain.structures), "clusters": len(plain.clusters)}
    assert table("statuses", "statuses") == plain.statuses()
    assert table("hypervisors", "hypervisors") == plain.hypervisors()
    assert table("storage", "storage") == plain.storage()
    assert table("networks", "networks") == plain.networks()
    assert (totals("environments"), table("environments", "per_installation")) == plain.environments()
    assert table("environment-sizes", "sizes") == plain.sizes()
    assert table("projects", "projects") == plain.projects()
    assert totals("customisation") == {"clusters": len(plain.clusters), "customised": plain.customised()}
    assert (table("server-types", "manufacturers"), table("server-types", "types")) == plain.server_types()
    combinations, roles, both = plain.node_types()
    assert (table("node-types", "combinations"), table("node-types", "roles")) == (combinations, roles)
    assert totals("node-types") == {"nodes": combinations.total(), "compute_and_storage": both}


@pytest.mark.parametrize("release", ["", "9.0"])
def test_every_report_equals_a_plain_computation(loaded, seed, release):
    """Totals and tables; with and without a release."""
    check_state(loaded, Plain(generated_fleet(seed), NOW.date(), release or None), release)


def check_operations(loaded: Analytics, plain: Plain, span: tuple[date, date] | None = None) -> None:
    """Compare the reports on operations."""
    days = {} if span is None else {"first": span[0], "last": span[1]}
    times = plain.deployment_time(span)
    failures = plain.failures(span)

    found = loaded.report("deployment-time", **days)
    assert found["totals"] == pytest.approx(times["all"][""])
    for part in ("release", "mode"):
        rows = {row.pop("value"): row for row in found["tables"][part]}
        assert rows.keys() == times[part].keys()
        for value, row in rows.items():
            assert row == pytest.approx(times[part][value])
    found = loaded.report("failures-before-success", **days)
    assert {row["value"]: row["count"] for row in found["tables"]["failures"]} == failures.pop("failures")
    assert found["totals"] == pytest.approx(failures)
    assert loaded.table("network-verification", "results", **days) == plain.network_verification(span)


@pytest.mark.parametrize("span", [None, SPAN])
def test_every_report_on_operations_equals_a_plain_computation(loaded, seed, span):
    """With and without days."""
    check_operations(loaded, Plain(generated_fleet(seed), NOW.date()), span)


def check_health_checks_and_workloads(loaded: Analytics, plain: Plain) -> None:
    """Compare these reports; the order of tests: a ratio of many runs first."""
    tests = plain.health_checks()

    rows = loaded.report("health-checks")["tables"]["tests"]
    assert {row["value"] for row in rows} == set(tests)
    for row in rows:
        counts = tests[row["value"]]
        executed = counts["runs"] - counts["skipped"]
        assert (row["runs"], row["failures"], row["errors"]) == (
            counts["runs"],
            counts["failure"],
            counts["error"],
        )
        assert row["ratio"] == (counts["failure"] / executed if executed else None)
        assert row["ratio"] is None or row["low"] <= row["ratio"] <= row["high"]
    order = [(row["runs"] < 20, row["ratio"] is None, -(row["ratio"] or 0)) for row in rows]
    assert order == sorted(order)
    days = plain.workload()
    found = {row.pop("value"): row for row in loaded.report("workload")["tables"]["days"]}
    assert found == {day: days[day] for day in found}
    assert all(not any(counts.values()) for day, counts in days.items() if day not in found)


def test_health_checks_and_workloads_equal_a_plain_computation(loaded, seed):
    check_health_checks_and_workloads(loaded, Plain(generated_fleet(seed), NOW.date()))


def test_groups_that_are_too_small_are_left_out_and_counted(loaded):
    """And no more others than keep the total from revealing them."""
    whole = loaded.report("statuses")
    cut = loaded.report("statuses", suppress_below=3)
    kept = [row for row in whole["tables"]["statuses"] if row["count"] >= 3]
    while 0 < whole["totals"]["clusters"] - sum(row["count"] for row in kept) < 3:
        kept.remove(min(kept, key=lambda row: row["count"]))

    assert cut["tables"]["statuses"] == kept
    assert cut["suppressed"] == {"groups": len(whole["tables"]["statuses"]) - len(kept)}


def test_filtered_installations_are_counted_only_on_demand(loaded, seed):
    """``include_filtered``."""
    fleet = generated_fleet(seed)

    everything = loaded.report("environments", include_filtered=True)["totals"]["installations"]
    counted = loaded.report("environments")["totals"]["installations"]
    assert everything == len(fleet.structures)
    assert counted == everything - len(fleet.filtered)
