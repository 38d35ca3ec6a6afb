#!/usr/bin/env bash
# DuckDB 2.0.1 orders NaN after every number, so NaN > 5 is true, also where it is read from a Parquet file.
# Expected: one query gives the same rows from a table and from a Parquet file of that table.
# Seen: a row group is skipped by its minimum and maximum, which leave NaN out (the Parquet format asks for that), so
# rows with NaN are in the result or not, depending on the numbers beside them in the file.  Polars 2.1.0 has the
# same order and keeps the row:
#   DuckDB table: 4 rows, DuckDB file: 3 rows, Polars file: 4 rows
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import math

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

pq.write_table(pa.table({"ratio": [1.0, 2.0, math.nan, 10.0, 11.0, 12.0]}), "ratios.parquet", row_group_size=3)
duckdb.execute("CREATE TABLE ratios AS FROM 'ratios.parquet'")
count = "SELECT count(*) FROM {} WHERE ratio > 5"
[(table,)] = duckdb.execute(count.format("ratios")).fetchall()
[(file,)] = duckdb.execute(count.format("'ratios.parquet'")).fetchall()
scanned = polars.scan_parquet("ratios.parquet").filter(polars.col("ratio") > 5).collect().height
print(f"DuckDB table: {table} rows, DuckDB file: {file} rows, Polars file: {scanned} rows")
assert (table, file, scanned) == (4, 3, 4)
PYTHON
echo "as described"
