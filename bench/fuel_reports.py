"""Reports of Fuel-stat against the same SQL in psql, on PostgreSQL with a generated fleet."""

import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson
import sqlalchemy as sa

from bench.processes import cpu_seconds, family
from bench.report import Row, paired_row
from bench.temporary_postgresql import TemporaryPostgresql, program, temporary_postgresql
from telemetry_server.fuel.analytics.analytics_database import ANALYTICS, AnalyticsDatabase
from telemetry_server.fuel.analytics.bookmarks import MARK_AFTER, MARK_BEFORE
from telemetry_server.fuel.analytics.etl import Etl
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.migrating import migrate
from telemetry_server.fuel.database.writes import (
    Stamp,
    write_action_logs,
    write_health_check_runs,
    write_installation,
    write_workloads,
)
from telemetry_server.fuel.documents.doctypes import ACTION_LOGS, OSTF_RUNS, OSWL_STATS, BatchForm
from telemetry_server.fuel.documents.judging import judge_items
from telemetry_server.fuel.reports.question import Question, ReportQueries
from telemetry_server.fuel.reports.registry import REPORTS, answer_from
from telemetry_server.terminal.output import say

INSTALLATIONS, QUICK_INSTALLATIONS = 100, 10
NODES = 100  # of an installation
LOGS = 1000  # of an installation
NOW = datetime(2026, 11, 20, tzinfo=UTC)
MIN_CPU_SECONDS = 0.4  # of one side, so that a clock of 10 ms is fine enough
GOAL = 1.5
STATUSES, ROLES = ("operational", "error", "new"), ("controller", "compute", "cinder", "ceph-osd", "mongo")
MAKERS = ("HP", "Dell Inc.", "VirtualBox", "Supermicro")


def measure(quick: bool, installations: int) -> list[Row]:
    """A row for each report: CPU time of this process and PostgreSQL, and that of psql and PostgreSQL."""
    if program("initdb") is None or program("psql") is None:
        say("fuel reports: PostgreSQL is not installed")
        return []
    number = min(installations, QUICK_INSTALLATIONS) if quick else installations
    with temporary_postgresql() as server:
        migrate(server.url)
        migrate(server.url, schema=ANALYTICS)
        began = time.process_time()
        _fill(server.url, number)
        say(f"fuel reports: {number:,} installations stored, {time.process_time() - began:.0f} s of CPU time")
        facts = AnalyticsDatabase(server.url, connections=1)
        # The time of a parallel worker is lost when it ends.
        facts.write(lambda c: c.execute(sa.text("ALTER ROLE bench SET max_parallel_workers_per_gather = 0")))
        facts.close()
        facts = AnalyticsDatabase(server.url, connections=1, only_reads=True, has_one_view=True)
        writing = AnalyticsDatabase(server.url, connections=1)
        began = time.process_time()
        Etl(CollectorDatabase(server.url, only_reads=True), writing, lambda: datetime.now(UTC)).run()
        say(f"fuel reports: facts made with {time.process_time() - began:.0f} s of CPU time")
        writing.close()
        with writing.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
        names = ("os", "deployment-time") if quick else tuple(REPORTS)
        rows = [_compared(server, facts, name, quick=quick, installations=number) for name in names]
        facts.close()
    return rows


def _compared(
    server: TemporaryPostgresql, facts: AnalyticsDatabase, name: str, *, quick: bool, installations: int
) -> Row:
    question = Question(of="hypervisor") if name == "distribution" else Question()
    statements: list[str] = []

    def ours() -> None:
        answer_from(facts, REPORTS[name], question, datetime.now(UTC))

    def noted(statement: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
        # By hand one asks for the figures alone, without the mark.
        own = statement.removeprefix(MARK_BEFORE).removesuffix(MARK_AFTER)
        for key, value in values.items():
            own = own.replace(f":{key}", f"'{value}'")
        statements.append(own)
        return facts.rows(statement, values)

    REPORTS[name].figures(ReportQueries(noted, question))
    pairs = []
    with Psql(server.url) as psql:
        psql.run(statements)
        times = 1
        enough = MIN_CPU_SECONDS / 10 if quick else MIN_CPU_SECONDS
        while (cost := _cost(server.pid, ours, times)) < enough:
            times = int(times * min(8.0, 1.2 * enough / max(cost, 0.01))) + 1
        for turn in range(1 if quick else 3):
            measured = {}
            sides = (("ours", ours), ("theirs", lambda: psql.run(statements)))
            for side, work in sides if turn % 2 else sides[::-1]:
                before = cpu_seconds(psql.process.pid)
                cost = _cost(server.pid, work, times)
                measured[side] = (cost + cpu_seconds(psql.process.pid) - before) / times * 1000
            pairs.append((measured["ours"], max(measured["theirs"], 0.01)))
    note_text = (
        f"{installations:,} installations, {installations * NODES:,} nodes, {installations * LOGS:,} logs;"
        f" {times} times; goal: at most {GOAL}"
    )
    return paired_row(f"fuel report {name}: CPU time", "ms", pairs, "the same SQL in psql", note_text)


def _cost(database_pid: int, work: Callable[[], None], times: int) -> float:
    """Return the CPU seconds of this process and PostgreSQL's for *times* runs of *work*."""
    there = set(family(database_pid))
    before, mine = cpu_seconds(database_pid), time.process_time()
    for _ in range(times):
        work()
    cost = time.process_time() - mine + cpu_seconds(database_pid) - before
    assert there <= set(family(database_pid)), "a backend ended"
    return cost


class Psql:
    """One session of psql."""

    def __init__(self, url: str) -> None:
        psql = program("psql")
        assert psql is not None
        self._words = [psql, url.replace("+psycopg", ""), "-AtqX"]

    def __enter__(self) -> "Psql":
        self.process = subprocess.Popen(
            self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.communicate("\\q\n")

    def run(self, statements: list[str]) -> None:
        """Run *statements*, and read what they give."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(";\n".join(statements) + ";\n\\echo the end\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line == "the end\n":
                return
        raise RuntimeError("psql ended")


def _fill(url: str, installations: int) -> None:
    """Store what *installations* send."""
    database = CollectorDatabase(url)
    stamp = Stamp(datetime.now(UTC), "bench")
    for number in range(installations):
        database.write(partial(_store_structure, number=number, stamp=stamp))
        _write(database, ACTION_LOGS, write_action_logs, [_log(number, n) for n in range(LOGS)], stamp)
        _write(database, OSWL_STATS, write_workloads, [_workload(number, n) for n in range(30)], stamp)
        _write(database, OSTF_RUNS, write_health_check_runs, [_run(number, n) for n in range(10)], stamp)
    database.close()


def _store_structure(connection: sa.Connection, number: int, stamp: Stamp) -> None:
    structure = _structure(number)
    text, release = orjson.dumps(structure).decode(), structure["fuel_release"]["release"]
    write_installation(connection, f"inst-{number}", text, release, stamp, is_filtered=False)


def _write(
    database: CollectorDatabase, form: BatchForm, write: Any, items: list[dict[str, Any]], stamp: Stamp
) -> None:
    judged = judge_items(form, items, is_plain=True)
    assert not judged.refused
    database.write(lambda connection: write(connection, list(judged.rows.values()), stamp))


def _structure(number: int) -> dict[str, Any]:
    nodes = [
        {
            "id": node,
            "roles": [ROLES[node % 5], ROLES[(node + number) % 5]],
            "status": "ready",
            "meta": {"system": {"manufacturer": MAKERS[(node + number) % 4], "product": f"model {node % 7}"}},
        }
        for node in range(NODES)
    ]
    clusters = [
        {
            "id": cluster,
            "nodes_num": NODES // 4,
            "nodes": nodes[cluster::4],
            "mode": "ha_compact",
            "release": {
                "version": "mitaka-9.0",
                "os": ("Ubuntu", "CentOS")[cluster % 2],
                "name": "OpenStack",
            },
            "status": STATUSES[(number + cluster) % 3],
            "attributes": {
                "libvirt_type": ("kvm", "qemu")[number % 2],
                "heat": True,
                "volumes_lvm": bool(number % 2),
            },
            "network_configuration": {
                "segmentation_type": ("vlan", "gre")[number % 2],
                "net_l23_provider": "ovs",
            },
        }
        for cluster in range(4)
    ]
    return {
        "master_node_uid": f"inst-{number}",
        "clusters_num": 4,
        "allocated_nodes_num": NODES,
        "unallocated_nodes_num": 0,
        "fuel_release": {"release": "9.0" if number % 3 else "8.0", "api": "1", "feature_groups": []},
        "clusters": clusters,
    }


def _log(number: int, log: int) -> dict[str, Any]:
    name = ("deploy", "deployment", "verify_networks", "provision", "reset_environment")[log % 5]
    start = NOW - timedelta(minutes=30 * log + number)
    body = {
        "id": log,
        "action_group": "cluster_changes",
        "action_name": name,
        "action_type": "nailgun_task",
        "start_timestamp": start.isoformat(),
        "end_timestamp": (start + timedelta(seconds=60 + (log * 37 + number) % 4000)).isoformat(),
        "additional_info": {
            "parent_task_id": log if name == "deployment" else None,
            "ended_with_status": "error" if log % 7 == 0 else "ready",
        },
        "cluster_id": log % 4,
    }
    return {"master_node_uid": f"inst-{number}", "external_id": log, "body": body}


def _workload(number: int, record: int) -> dict[str, Any]:
    current = [{"id": f"r-{n}"} for n in range(record % 20)]
    return {
        "master_node_uid": f"inst-{number}",
        "id": record,
        "cluster_id": record % 4,
        "created_date": (NOW - timedelta(days=3 * record)).date().isoformat(),
        "updated_time": "10:00:00",
        "resource_type": ("vm", "volume", "image")[record % 3],
        "resource_checksum": str(record),
        "resource_data": {"current": current, "added": [], "removed": [], "modified": []},
    }


def _run(number: int, run: int) -> dict[str, Any]:
    tests = [
        {"id": f"test-{n}", "status": ("success", "failure")[(n + run + number) % 9 == 0]} for n in range(30)
    ]
    return {
        "master_node_uid": f"inst-{number}",
        "external_id": run,
        "cluster_id": run % 4,
        "testset": "smoke",
        "status": "finished",
        "started_at": NOW.isoformat(),
        "ended_at": NOW.isoformat(),
        "tests": tests,
    }
