"""The ETL: bookmarks, repeats, late transactions, failures, and a rebuild; on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_server.fuel.analytics import sources as sources_module
from telemetry_server.fuel.analytics.analytics_database import ANALYTICS
from telemetry_server.fuel.analytics.bookmarks import SETTLE_SECONDS, Bookmark
from telemetry_server.fuel.analytics.tables import VERSION_TABLE, metadata
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.migrating import BASE, migrate
from telemetry_server.fuel.facts.clusters import NodeClasses
from telemetry_server.fuel.facts.documents import installation_facts, operation_fact, workload_fact
from tests.fuel.documents import a_structure, a_task, a_workload
from tests.fuel.fleet import NOW, Fleet, generated_fleet, store
from tests.fuel.test_analytics_cases import a_cluster, with_clusters


def statement(url: str, text: str) -> None:
    """Run one statement on the collector's database."""
    database = CollectorDatabase(url)
    database.write(lambda connection: connection.execute(sa.text(text)))
    database.close()


def test_a_second_run_moves_nothing_and_a_rebuild_gives_the_same_facts(analytics):
    """Also with one document in each transaction."""
    store(analytics.collector_url, generated_fleet(3))
    first = analytics.load()
    facts = analytics.contents()
    second = analytics.load()

    assert sum(first.moved.values()) > 100
    assert set(second.moved.values()) == {0}
    assert analytics.contents() == facts
    assert analytics.etl().rebuild().moved == first.moved
    assert analytics.contents() == facts
    assert analytics.etl(documents=1).rebuild().moved == first.moved
    assert analytics.contents() == facts


def test_the_operator_says_which_makers_are_virtual_and_which_roles_store(analytics):
    """A list replaces the one that is built in."""
    cluster = a_cluster(1)
    cluster["nodes"] = [
        {"id": 1, "roles": ["compute", "swift"], "manufacturer": "Acme Cloud"},
        {"id": 2, "roles": ["compute", "cinder"], "manufacturer": "VirtualBox"},
    ]
    store(analytics.collector_url, Fleet([with_clusters("one", cluster)]))
    analytics.etl(sources=sources_module.sources_with(NodeClasses(("acme",), ("swift",)))).run()

    classes = analytics.table("server-types", "manufacturers", "class")
    assert classes == {"acme cloud": "virtual", "virtualbox": "physical"}
    assert analytics.report("node-types")["totals"] == {"nodes": 2, "compute_and_storage": 1}
    analytics.etl().rebuild()
    classes = analytics.table("server-types", "manufacturers", "class")
    assert classes == {"acme cloud": "physical", "virtualbox": "virtual"}


def test_what_changed_replaces_the_facts_of_before(analytics):
    """A structure with fewer environments leaves none of the old ones."""
    store(analytics.collector_url, Fleet([a_structure()["installation_structure"]], workloads=[a_workload()]))
    analytics.load()
    smaller = a_structure(clusters=[], clusters_num=0)["installation_structure"]
    empty = {"current": [], "added": [], "removed": [], "modified": []}
    store(analytics.collector_url, Fleet([smaller], workloads=[a_workload(resource_data=empty)]))

    assert analytics.load().moved == {
        "installation_structures": 1,
        "action_logs": 0,
        "oswl_stats": 1,
        "ostf_runs": 0,
    }
    facts = analytics.contents()
    assert [len(facts[f"fact_{name}"]) for name in ("installation", "cluster", "node", "role")] == [
        1,
        0,
        0,
        0,
    ]
    assert [row[-1] for row in facts["fact_oswl_day"]] == [0]


def test_the_order_of_changes_need_not_be_that_of_ids(analytics):
    """With one document in each transaction none is lost."""
    for uid in ("a", "b", "c"):
        store(analytics.collector_url, Fleet([a_structure(uid)["installation_structure"]]))
    analytics.load()
    for uid in ("c", "a", "b"):
        changed = a_structure(uid, clusters=[], clusters_num=0)["installation_structure"]
        store(analytics.collector_url, Fleet([changed]))

    result = analytics.etl(documents=1).run()
    assert result.moved["installation_structures"] == 3
    assert not analytics.contents()["fact_cluster"]


def test_a_failure_keeps_what_was_loaded_and_the_next_run_continues_there(analytics, monkeypatch):
    """The bookmark is that of the first transaction."""
    for number in range(3):
        store(analytics.collector_url, Fleet(logs=[a_task(number)]))
    seen: list[int] = []

    def break_at_the_second(connection: sa.Connection, rows: Any) -> None:
        seen.extend(row.external_id for row in rows)
        if len(seen) == 2:
            raise RuntimeError("broken")
        sources_module._load_logs(connection, rows)

    logs = next(source for source in sources_module.SOURCES if source.name == "action_logs")
    broken = [replace(logs, load=break_at_the_second)]
    result = analytics.etl(documents=1, sources=broken).run()

    assert result.failed == {"action_logs": "RuntimeError: broken"}
    assert [row[1] for row in analytics.contents()["fact_operation"]] == [0]
    analytics.load()
    assert [row[1] for row in analytics.contents()["fact_operation"]] == [0, 1, 2]


def test_a_table_that_cannot_be_loaded_keeps_no_other_from_it(analytics):
    def fail(_connection: sa.Connection, _rows: Any) -> None:
        raise RuntimeError("broken")

    store(analytics.collector_url, Fleet([a_structure()["installation_structure"]], logs=[a_task(1)]))
    broken = [replace(s, load=fail) if s.name == "action_logs" else s for s in sources_module.SOURCES]
    result = analytics.etl(sources=broken).run()

    assert result.failed.keys() == {"action_logs"}
    assert result.moved["installation_structures"] == 1
    assert len(analytics.contents()["fact_installation"]) == 1


def test_a_transaction_that_commits_late_is_not_lost(analytics, request):
    """On PostgreSQL a lower change number may be committed after a higher one was read."""
    if analytics.collector.dialect == "sqlite":
        pytest.skip("SQLite commits in the order of the numbers")
    store(analytics.collector_url, Fleet(logs=[a_task(1)]))
    late = CollectorDatabase(analytics.collector_url)
    with late.engine.connect() as connection, connection.begin():
        number = connection.execute(sa.text("SELECT nextval('fuel_change_number')")).scalar_one()
        store(analytics.collector_url, Fleet(logs=[a_task(3)]))
        assert analytics.load().moved["action_logs"] == 2
        connection.execute(
            sa.text(
                "INSERT INTO action_logs (master_node_uid, external_id, action_type, action_name, body,"
                " received_at, change_number, server_version, schema_version)"
                " VALUES ('late', 2, 'nailgun_task', 'deploy', '{}', :now, :number, '1', 1)"
            ),
            {"now": NOW, "number": number},
        )
    late.close()

    assert analytics.load().moved["action_logs"] == 1
    assert sorted(row[1] for row in analytics.contents()["fact_operation"]) == [1, 2, 3]
    assert analytics.load().moved["action_logs"] == 0


def test_numbers_settle_after_a_while():
    """No transaction with a settled number can commit any more."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    bookmark = Bookmark("x")
    settled = []
    for turn in range(4):
        now = begin + timedelta(seconds=turn * (SETTLE_SECONDS / 2 + 1))
        bookmark = bookmark.read_until(10 * (turn + 1), now, now, is_ordered=False)
        settled.append(bookmark.settled_number)

    assert settled == [0, 0, 10, 10]


def test_the_migration_makes_the_tables_and_removes_them(analytics):
    """The description in `tables` is what the migrations make."""
    ours = set(metadata.tables)
    with analytics.facts.engine.connect() as connection:

        def is_ours(_object: Any, name: str | None, kind: str, *_more: Any) -> bool:
            return kind != "table" or name in ours

        options = {"version_table": VERSION_TABLE, "include_object": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert not compare_metadata(context, metadata)

    assert migrate(analytics.analytics_url, BASE, ANALYTICS)[1] == BASE
    assert migrate(analytics.analytics_url, schema=ANALYTICS)[1] == ANALYTICS.head


NAMES = (
    *(
        "clusters",
        "nodes",
        "roles",
        "meta",
        "system",
        "manufacturer",
        "attributes",
        "release",
        "id",
        "nodes_num",
    ),
    *("status", "current", "additional_info", "start_timestamp", "end_timestamp", "cluster_id", "disks"),
    *(
        "network_configuration",
        "interfaces",
        "installed_plugins",
        "fuel_release",
        "action_name",
        "action_type",
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "clusters",
                    "nodes",
                    "roles",
                    "meta",
                    "system",
                    "manufacturer",
                    "attributes",
                    "release",
                    "id",
                    "nodes_num",
                    "status",
                    "current",
                    "additional_info",
                    "start_timestamp",
                    "end_timestamp",
                    "cluster_id",
                    "network_configuration",
                    "disks",
                    "interfaces",
                    "installed_plugins",
                    "fuel_release",
                    "action_name",
                    "action_type",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_stored_has_facts(document):
    """A document of any form must not stop the ETL."""
    import orjson

    try:
        text = orjson.dumps(document).decode()
    except TypeError:  # an integer past 64 bits
        return

    facts = installation_facts("uid", text, 1, NOW, is_filtered=False)
    assert len(facts.clusters) == facts.installation.environments
    assert all(len(row.value) <= 300 for row in facts.categories)
    operation_fact("uid", 1, 1, text)
    assert workload_fact(("uid", 1, 1), 1, "vm", NOW.date(), text).resources >= 0
