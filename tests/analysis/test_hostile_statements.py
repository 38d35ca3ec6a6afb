"""Statements that reach for more than the tables: refused, or stopped, in one line."""

import os
from pathlib import Path

import pytest

REFUSED = [
    # not a SELECT
    "CREATE TABLE t AS SELECT 1",
    "CREATE TEMP TABLE t AS SELECT 1",
    "CREATE TEMPORARY VIEW v AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "CREATE SECRET s (TYPE s3)",
    "INSERT INTO pings VALUES (1)",
    "UPDATE pings SET version = '1'",
    "DELETE FROM pings",
    "TRUNCATE pings",
    "DROP VIEW pings",
    "ALTER VIEW pings RENAME TO p",
    "COMMENT ON VIEW pings IS 'x'",
    "MERGE INTO pings USING events ON true WHEN MATCHED THEN DELETE",
    "WITH gone AS (DELETE FROM pings RETURNING *) SELECT * FROM gone",
    "WITH new AS (INSERT INTO pings SELECT * FROM pings RETURNING *) SELECT * FROM new",
    "COPY (SELECT 1) TO 'evil.csv'",
    "COPY pings FROM '/etc/passwd'",
    "EXPORT DATABASE 'evil'",
    "IMPORT DATABASE 'evil'",
    "ATTACH 'evil.db'",
    "DETACH memory",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '/tmp/evil.duckdb_extension'",
    "SET threads = 1",
    "SET enable_external_access = true",
    "RESET threads",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL pragma_version()",
    "CALL enable_logging()",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "EXPLAIN ANALYZE SELECT 1",
    "PIVOT pings ON version USING count(*)",
    # not one
    "",
    "   ;  ",
    "-- only a comment",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW pings",
    # files, the network, the data root
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'evil.csv'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM \"READ_CSV\"('/etc/passwd')",
    "SELECT * FROM system.main.read_text('/etc/passwd')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM read_blob('/dev/stdin')",
    "SELECT * FROM read_json('https://example.org/x.json')",
    "SELECT * FROM read_parquet('tables/*/*/*.parquet')",
    "SELECT * FROM 'tables/pings/20261122/part-0000000000.parquet'",
    "SELECT * FROM parquet_metadata('x')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM read_duckdb('x')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('pings')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    # functions that change or show more than tables
    "SELECT getenv('HOME')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_extensions()",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM enable_profiling()",
    "SELECT * FROM start_ui()",
    "SELECT * FROM python_map_function((SELECT 1))",
    "SELECT * FROM arrow_scan()",
    "SELECT * FROM pandas_scan()",
    "SELECT * FROM seq_scan()",
    # wrong
    "SELECT nonsense FROM pings",
    "SELECT * FROM nowhere",
    "SELECT FROM WHERE",
    "SELECT CAST('\x1b[2Jx' AS INTEGER)",
    "SELECT error('gone\n wrong')",
    "SELECT merge(starts, counts) FROM histograms",
    "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
    "SELECT " + "[" * 900 + "]" * 900,
    "SELECT '" + "x" * 1_000_000 + "'",
    "SELECT 1 \x00",
    "SELECT '\udcff'",
]


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """The working folder and the home of the test, in which nothing may appear."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def tree_of(path) -> dict[str, tuple[int, int]]:
    """Every file below *path*, with its size and modification time."""
    return {
        entry: (status.st_size, status.st_mtime_ns)
        for folder, _, names in os.walk(path)
        for name in names
        if not (entry := f"{folder}/{name}").endswith(("-shm", "-wal")) and (status := Path(entry).stat())
    }


@pytest.mark.parametrize("statement", REFUSED, ids=lambda statement: repr(statement[:60]))
def test_a_statement_that_does_not_only_read_tables_is_refused_in_one_line(
    sql, table_world, empty_folder, statement
):
    """Nothing is printed as a result, and nothing outside is changed."""
    before = tree_of(table_world.root.path)

    out, talk = sql(statement, "--format", "json", status=2)

    assert out == ""
    assert talk.startswith("telemetry-server sql: ")
    assert talk.count("\n") == 1
    assert talk.rstrip("\n").isprintable()
    assert list(empty_folder.iterdir()) == []
    assert tree_of(table_world.root.path) == before


STOPPED_BY_TIME = [
    "SELECT count(*) FROM range(100000000000)",
    "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r) SELECT max(x) FROM r",
    "SELECT sleep_ms(60000)",
    "SELECT count(*) FROM histogram_buckets a, histogram_buckets b WHERE hash(a.start + b.start) = 3",
    "SELECT * FROM range(100000000000)",
]
STOPPED_BY_MEMORY = [
    "SELECT list(range) FROM range(1000000000)",
    "SELECT * FROM range(100000000) ORDER BY hash(range)",
    "SELECT length(repeat('x', 4000000000))",
    "SELECT list_sum(range(4000000000))",
    "SELECT string_agg(range) FROM range(100000000)",
]


@pytest.mark.parametrize("statement", STOPPED_BY_TIME)
def test_a_statement_without_end_is_stopped_by_its_time(sql, empty_folder, statement):
    """Status 5, and one line that names the option."""
    _, talk = sql(statement, "--timeout", "300ms", status=5)

    assert "--timeout" in talk
    assert talk.count("\n") == 1
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize("statement", STOPPED_BY_MEMORY)
def test_a_statement_that_needs_too_much_memory_is_stopped(sql, empty_folder, statement):
    """Status 5, and one line that names the option; memory of functions counts as well as that of tables."""
    out, talk = sql(statement, "--memory", "100MiB", "--format", "json", status=5)

    assert out == ""
    assert "--memory" in talk
    assert talk.count("\n") == 1
    assert list(empty_folder.iterdir()) == []


def test_a_statement_cannot_see_variables_of_python(sql):
    """DuckDB would take a local table for one of the database."""
    import pyarrow as pa

    hidden = pa.table({"secret": [1]})

    sql("SELECT * FROM hidden", status=2)
    assert hidden.num_rows == 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "select 1;",
        "/* a comment */ SELECT 1 -- and another",
        "(SELECT 1)",
        "VALUES (1)",
        "FROM pings LIMIT 1",
        "TABLE days",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r WHERE x < 5) SELECT * FROM r",
        "SELECT 1 UNION ALL SELECT 2",
        "SELECT unnest([1, 2])",
        "SELECT * FROM range(3), generate_series(1, 2)",
        "SELECT list_transform([1], lambda x: x + 1)",
        "DESCRIBE pings",
        "SHOW TABLES",
        "SUMMARIZE SELECT version FROM pings",
        "PIVOT pings ON version IN ('24.0') USING count(*)",
        "SELECT * FROM information_schema.columns LIMIT 1",
        "SELECT version, count(*) FROM pings GROUP BY ALL ORDER BY ALL",
        "SELECT p.document_id FROM pings p JOIN scalars s USING (document_id) LIMIT 1",
    ],
)
def test_a_select_of_any_form_is_taken(sql, statement):
    """Whatever DuckDB can only read with."""
    sql(statement)


def test_a_statement_of_spaces_takes_no_time_to_check(sql):
    """A comment far behind `SHOW TABLES` once took hours."""
    shown, _ = sql("--format", "csv", "SHOW TABLES" + " " * 900_000 + "-- x")

    assert "pings" in shown


@pytest.mark.parametrize("statement", ["SHOW TABLES", " show\n tables; ", "/* all */ SHOW TABLES -- of them"])
def test_show_tables_lists_the_tables_that_statements_may_read(sql, statement):
    """And none of those that the views read."""
    shown, _ = sql("--format", "csv", statement)

    names = shown.split()
    assert names == [
        "name",
        *("days", "definitions", "enrollments", "events", "histogram_buckets", "histograms"),
        *("pings", "quarantine", "records", "scalars", "shapes", "uptake"),
    ]
    for name in names[1:]:
        sql(f"DESCRIBE {name}")


@pytest.mark.parametrize(
    "statement",
    [
        "SHOW ALL TABLES",
        'SHOW "__show_tables_expanded"',
        "SHOW",
        "DESCRIBE",
        "SHOW TABLES FROM main",
        "SELECT * FROM (SHOW TABLES)",
        "SELECT name FROM (SHOW ALL TABLES) WHERE name LIKE 'p%'",
        "WITH shown AS (SHOW TABLES) SELECT * FROM shown",
        "SELECT 1 UNION ALL SELECT count(*) FROM (DESCRIBE)",
    ],
)
def test_other_lists_of_tables_are_refused(sql, statement):
    """They have names that no statement may read."""
    out, talk = sql(statement, status=2)

    assert out == ""
    assert talk == (
        "telemetry-server sql: "
        "only SHOW TABLES, alone, lists tables; DESCRIBE pings shows the columns of one\n"
    )


@pytest.mark.parametrize("statement", ["SHOW ping_files", 'SHOW "Ping_Files"', "DESCRIBE ping_files"])
def test_the_columns_of_what_no_statement_may_read_are_not_shown(sql, statement):
    """`DESCRIBE pings` shows those of a table."""
    _, talk = sql(statement, status=2)

    assert "ing_" in talk
    assert "is not a table; see docs/sql.md for their names" in talk
