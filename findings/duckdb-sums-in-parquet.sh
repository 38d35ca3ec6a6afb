#!/usr/bin/env bash
# DuckDB 2.0.1: the sum of a BIGINT column is a HUGEINT, which Parquet has no type for.
# Expected: COPY ... TO a Parquet file keeps each digit, as DECIMAL(38, 0), the type that DuckDB gives to Arrow.
# Seen: COPY writes DOUBLE and rounds sums past 2**53 without a warning.  sum(n)::BIGINT in the query avoids that:
#   in DuckDB   HUGEINT             9007199254740993
#   to Arrow    decimal128(38, 0)   9007199254740993
#   in Parquet  double              9007199254740992
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.1 pyarrow==26.0.1
cd "$folder"
venv/bin/python -W error - <<'PYTHON'
import duckdb
import pyarrow.parquet as pq

QUERY = "SELECT sum(n) AS total FROM (VALUES (9007199254740992::BIGINT), (1)) AS counts(n)"
[(sql_type, in_duckdb)] = duckdb.execute(f"SELECT typeof(total), total FROM ({QUERY})").fetchall()
arrow = duckdb.sql(QUERY).to_arrow_table()["total"]
duckdb.execute(f"COPY ({QUERY}) TO 'totals.parquet'")
parquet = pq.read_table("totals.parquet")["total"]
print(f"in DuckDB   {sql_type:<19} {in_duckdb}")
print(f"to Arrow    {arrow.type!s:<19} {arrow[0]}")
print(f"in Parquet  {parquet.type!s:<19} {parquet[0].as_py():.0f}")
assert (sql_type, in_duckdb) == ("HUGEINT", 2**53 + 1)
assert str(arrow.type) == "decimal128(38, 0)" and int(arrow[0].as_py()) == 2**53 + 1
assert str(parquet.type) == "double" and parquet[0].as_py() == float(2**53)
PYTHON
echo "as described"
