#!/usr/bin/env bash
# DuckDB 2.0.1: a program that runs only queries can ask for the type of each statement before it runs them.
# Expected: PIVOT reads a table and returns rows, so its type is SELECT.
# Seen: without IN its type is MULTI, which names nothing that the statement does, and a check for SELECT refuses
# it.  With IN it is SELECT, and so are DESCRIBE and SHOW:
#   PIVOT ... ON channel USING sum(n)               MULTI
#   PIVOT ... ON channel IN ('beta') USING sum(n)   SELECT
#   SHOW TABLES                                     SELECT
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

connection = duckdb.connect()
connection.execute("CREATE TABLE pings AS SELECT 'beta' AS channel, 3 AS n")
seen = {}
for query in (
    "PIVOT pings ON channel USING sum(n)",
    "PIVOT pings ON channel IN ('beta') USING sum(n)",
    "SHOW TABLES",
):
    [statement] = connection.extract_statements(query)
    seen[query] = statement.type.name
    print(f"{query:<48} {seen[query]:<7} {connection.execute(query).fetchall()}")
assert list(seen.values()) == ["MULTI", "SELECT", "SELECT"]
PYTHON
echo "as described"
