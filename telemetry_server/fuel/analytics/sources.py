"""The tables of the collector that facts are made of: what is read of each, and how it is loaded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import sqlalchemy as sa

from telemetry_server.fuel.analytics import tables as analytics
from telemetry_server.fuel.analytics.upsert import upsert
from telemetry_server.fuel.database import tables as collector
from telemetry_server.fuel.facts.clusters import NodeClasses
from telemetry_server.fuel.facts.documents import (
    installation_facts,
    operation_fact,
    test_result_facts,
    workload_fact,
)

Rows = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Source:
    """One table of the collector."""

    table: sa.Table
    key: tuple[str, ...]  # its columns
    columns: tuple[str, ...]  # the others that facts are made of
    fact: sa.Table  # the table whose rows carry its change numbers
    fact_key: tuple[str, ...]  # the same key there
    documents: int  # of one transaction
    load: Callable[[sa.Connection, Rows], None]

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.table.name


def _load_logs(connection: sa.Connection, rows: Rows) -> None:
    facts = [operation_fact(r.master_node_uid, r.external_id, r.change_number, r.body) for r in rows]
    upsert(connection, analytics.fact_operation, facts)


def _load_installations(
    connection: sa.Connection,
    rows: Rows,
    classes: NodeClasses = NodeClasses(),  # noqa: B008 - frozen
) -> None:
    uids = [row.master_node_uid for row in rows]
    for table in analytics.OF_INSTALLATIONS:
        connection.execute(sa.delete(table).where(table.c.uid.in_(uids)))
    made = [
        installation_facts(
            row.master_node_uid,
            row.structure,
            row.change_number,
            row.modification_date or row.creation_date,
            is_filtered=row.is_filtered,
            classes=classes,
        )
        for row in rows
    ]
    upsert(connection, analytics.fact_installation, [facts.installation for facts in made])
    for table, name in (
        (analytics.fact_cluster, "clusters"),
        (analytics.fact_node, "nodes"),
        (analytics.fact_role, "roles"),
        (analytics.fact_category, "categories"),
    ):
        upsert(connection, table, [fact for facts in made for fact in getattr(facts, name)])


def _load_workloads(connection: sa.Connection, rows: Rows) -> None:
    facts = [
        workload_fact(_key(row), row.cluster_id, row.resource_type, row.created_date, row.resource_data)
        for row in rows
    ]
    upsert(connection, analytics.fact_oswl_day, facts)


def _load_runs(connection: sa.Connection, rows: Rows) -> None:
    facts = [
        fact for row in rows for fact in test_result_facts(_key(row), row.cluster_id, row.ended_at, row.body)
    ]
    upsert(connection, analytics.fact_ostf_result, facts)


def _key(row: Any) -> tuple[str, int, int]:
    return row.master_node_uid, row.external_id, row.change_number


_UID_AND_ID = ("master_node_uid", "external_id")
SOURCES = (
    Source(
        collector.installation_structures,
        ("master_node_uid",),
        ("structure", "creation_date", "modification_date", "is_filtered"),
        analytics.fact_installation,
        ("uid",),
        50,
        _load_installations,
    ),
    Source(
        collector.action_logs,
        _UID_AND_ID,
        ("body",),
        analytics.fact_operation,
        ("uid", "external_id"),
        5000,
        _load_logs,
    ),
    Source(
        collector.oswl_stats,
        _UID_AND_ID,
        ("cluster_id", "resource_type", "created_date", "resource_data"),
        analytics.fact_oswl_day,
        ("uid", "external_id"),
        1000,
        _load_workloads,
    ),
    Source(
        collector.ostf_runs,
        ("master_node_uid", "cluster_id", "external_id"),
        ("ended_at", "body"),
        analytics.fact_ostf_result,
        ("uid", "cluster_id", "external_id"),
        1000,
        _load_runs,
    ),
)


def sources_with(classes: NodeClasses) -> tuple[Source, ...]:
    """Return `SOURCES`, with nodes classified by *classes*."""
    installations, *others = SOURCES
    return (replace(installations, load=partial(_load_installations, classes=classes)), *others)
