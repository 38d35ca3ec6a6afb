"""Migrations, partitions, backups and rules for builds, on both databases."""

import hashlib
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from telemetry_server.fuel.database.backup import back_up, restore
from telemetry_server.fuel.database.collector_database import HEAD, CollectorDatabase
from telemetry_server.fuel.database.errors import BackupFailed, DatabaseAway, UnknownSchema
from telemetry_server.fuel.database.filtering import apply_rules
from telemetry_server.fuel.database.migrating import BASE, COLLECTOR, current_version, migrate, versions
from telemetry_server.fuel.database.partitions import ensure_partitions, partitions
from telemetry_server.fuel.database.refused_items import write_refused
from telemetry_server.fuel.database.tables import VERSION_TABLE, metadata
from telemetry_server.fuel.database.writes import (
    Stamp,
    write_action_logs,
    write_health_check_runs,
    write_installation,
    write_workloads,
)
from telemetry_server.fuel.documents.builds import build_rules_of
from telemetry_server.fuel.documents.doctypes import ACTION_LOGS, OSTF_RUNS, OSWL_STATS
from telemetry_server.fuel.documents.judging import judge_items
from tests.fuel.documents import a_run, a_task, a_workload

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
STAMP = Stamp(NOW, "1.0")


def fill(url: str, number: int = 3) -> None:
    """Write documents of every kind into a database with the newest schema."""
    logs = judge_items(ACTION_LOGS, [a_task(n) for n in range(number)], is_plain=True)
    workloads = judge_items(OSWL_STATS, [a_workload(n) for n in range(number)], is_plain=True)
    runs = judge_items(OSTF_RUNS, [a_run(n) for n in range(number)], is_plain=True)
    bad = judge_items(ACTION_LOGS, [None, 5], is_plain=True)
    database = CollectorDatabase(url)

    def write(connection: sa.Connection) -> None:
        ensure_partitions(connection, NOW)
        write_action_logs(connection, list(logs.rows.values()), STAMP)  # type: ignore[arg-type]
        write_workloads(connection, list(workloads.rows.values()), STAMP)  # type: ignore[arg-type]
        write_health_check_runs(connection, list(runs.rows.values()), STAMP)  # type: ignore[arg-type]
        write_installation(
            connection, "inst", '{"fuel_release": {"release": "9.0"}}', "9.0", STAMP, is_filtered=False
        )
        write_refused(connection, bad.refused, NOW)

    database.write(write)
    database.close()


def contents(url: str) -> dict[str, tuple[int, str]]:
    """Return the number of rows of each table, and a checksum of them without their change numbers."""
    engine = CollectorDatabase(url).engine
    found = {}
    with engine.connect() as connection:
        there = set(sa.inspect(connection).get_table_names())
        for name, table in metadata.tables.items():
            if name not in there or name == "change_numbers":
                continue
            stored = {column["name"] for column in sa.inspect(connection).get_columns(name)}
            columns = [c for c in table.columns if c.name in stored and c.name != "change_number"]
            rows = sorted(str(tuple(row)) for row in connection.execute(sa.select(*columns)))
            found[name] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
    engine.dispose()
    return found


def numbers(url: str, table: str) -> list[int]:
    """Return the change numbers of a table, ordered."""
    engine = CollectorDatabase(url).engine
    with engine.connect() as connection:
        found = list(connection.execute(sa.text(f"SELECT change_number FROM {table} ORDER BY 1")).scalars())
    engine.dispose()
    return found


def test_an_empty_database_is_migrated_up_down_and_up(empty_url):
    assert current_version(empty_url) is None
    assert migrate(empty_url) == (None, HEAD)
    assert migrate(empty_url, BASE) == (HEAD, BASE)
    assert contents(empty_url) == {}
    assert migrate(empty_url)[1] == current_version(empty_url) == HEAD == versions()[-1]
    assert migrate(empty_url) == (HEAD, HEAD)


@pytest.mark.parametrize("version", versions()[:-1])
def test_a_filled_database_of_an_earlier_version_is_migrated_both_ways(empty_url, version):
    """What the earlier version holds stays the same, and change numbers follow the order of arrival."""
    migrate(empty_url)
    fill(empty_url)
    migrate(empty_url, version)
    of_that_version = contents(empty_url)
    migrate(empty_url)
    upgraded = contents(empty_url)

    assert {name: upgraded[name] for name in of_that_version} == of_that_version
    assert of_that_version["action_logs"][0] == 3
    assert all(number == 1 for number in numbers(empty_url, "action_logs"))
    before = max(numbers(empty_url, "oswl_stats"))
    fill(empty_url, 4)
    assert max(numbers(empty_url, "action_logs")) > before
    assert contents(empty_url)["action_logs"][0] == 4
    migrate(empty_url, version)
    assert contents(empty_url)["oswl_keys"][0] == 4


def test_the_migrations_make_what_the_tables_describe(empty_url):
    migrate(empty_url)
    database = CollectorDatabase(empty_url)
    dialect = database.dialect

    def differences(connection: sa.Connection) -> list[object]:
        options = {
            "version_table": VERSION_TABLE,
            "compare_type": True,
            "compare_server_default": True,
            "include_name": lambda name, kind, _: kind != "table" or "_y20" not in name,
            "include_object": lambda table, _name, kind, _reflected, _other: (
                kind != "table" or table.info.get("only_on", dialect) == dialect
            ),
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    assert database.read(differences) == []
    database.close()


def test_a_newer_schema_is_left_alone(empty_url):
    migrate(empty_url)
    database = CollectorDatabase(empty_url)
    database.write(lambda c: c.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")))
    database.close()
    fresh = CollectorDatabase(empty_url)

    with pytest.raises(UnknownSchema):
        migrate(empty_url)
    with pytest.raises(DatabaseAway, match="9999"):
        fresh.read(lambda connection: None)
    fresh.close()


def test_every_constraint_has_a_name_and_no_index_is_on_an_expression():
    for table in metadata.tables.values():
        assert all(constraint.name for constraint in table.constraints)
        assert all(isinstance(part, sa.Column) for index in table.indexes for part in index.expressions)


def test_a_backup_is_restored_after_everything_is_gone(database_url, tmp_path):
    fill(database_url)
    before = contents(database_url)
    file = tmp_path / "fuel.backup"
    size = back_up(database_url, file)
    with pytest.raises(BackupFailed, match="exists"):
        back_up(database_url, file)
    migrate(database_url, BASE)
    restore(file, [(COLLECTOR, database_url)])

    assert size == file.stat().st_size > 0
    assert contents(database_url) == before
    assert migrate(database_url) == (HEAD, HEAD)
    fill(database_url, 5)
    restore(file, [(COLLECTOR, database_url)])
    assert contents(database_url) == before
    assert [path.name for path in tmp_path.glob("*backup*")] == ["fuel.backup"]


def test_a_backup_is_restored_while_others_have_the_database_open(database_url, tmp_path):
    """As `serve` has it open; it goes on with what was restored."""
    fill(database_url)
    before = contents(database_url)
    file = tmp_path / "fuel.backup"
    back_up(database_url, file)
    fill(database_url, 5)
    database = CollectorDatabase(database_url)
    database.read(lambda connection: connection.execute(sa.text("SELECT 1 FROM action_logs LIMIT 1")).all())
    restore(file, [(COLLECTOR, database_url)])
    fill(database_url, 5)

    count = sa.text("SELECT count(*) FROM action_logs")
    assert database.read(lambda connection: connection.execute(count).scalar()) == 5
    restore(file, [(COLLECTOR, database_url)])
    assert contents(database_url) == before
    database.close()


def test_what_is_not_a_backup_changes_nothing(database_url, tmp_path):
    fill(database_url)
    before = contents(database_url)
    file = tmp_path / "fuel.backup"
    whole = back_up(database_url, file) and file.read_bytes()
    for name, content in {"text": b"hello", "empty": b"", "cut": whole[: len(whole) // 3]}.items():
        bad = tmp_path / name
        bad.write_bytes(content)

        with pytest.raises(BackupFailed):
            restore(bad, [(COLLECTOR, database_url)])
    with pytest.raises(BackupFailed):
        restore(tmp_path / "missing", [(COLLECTOR, database_url)])
    assert contents(database_url) == before


def test_each_month_has_its_partition_before_it_begins(database_url):
    database = CollectorDatabase(database_url)
    december = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    for moment in (NOW, december, datetime(2027, 1, 1, tzinfo=UTC)):
        stamp = Stamp(moment, "1.0")
        log = judge_items(ACTION_LOGS, [a_task(moment.month)], is_plain=True)
        database.write(lambda c, moment=moment: ensure_partitions(c, moment))
        database.write(lambda c, log=log, stamp=stamp: write_action_logs(c, list(log.rows.values()), stamp))
    found = database.read(partitions)
    database.close()

    logs = {partition.month: partition.rows for partition in found if partition.table == "action_logs"}
    assert {month: rows for month, rows in logs.items() if rows} == {"2026-11": 1, "2026-12": 1, "2027-01": 1}
    if database.dialect == "postgresql":
        assert "2027-02" in logs


def test_rules_for_builds_hold_for_what_is_stored_already(database_url):
    fill(database_url)
    database = CollectorDatabase(database_url)
    rules = build_rules_of({"8.0": None})

    assert apply_rules(database, rules, NOW) == 1
    assert apply_rules(database, rules, NOW) == 0
    query = sa.text("SELECT is_filtered FROM installation_structures")
    assert database.read(lambda connection: bool(connection.execute(query).scalar_one())) is True
    assert apply_rules(database, build_rules_of(None), NOW) == 1
    database.close()
