#!/usr/bin/env bash
# DuckDB 2.0.1 reads several Parquet files with the column types of the first one.
# Expected: an error, or DOUBLE, when the first file has whole numbers (INT64) and the second has 1.5 (DOUBLE).
# Seen: each fraction is rounded to a whole number and nothing is reported.  union_by_name=true gives DOUBLE.
# Polars 2.1.0 and PyArrow 26.0.1 refuse to read the two files:
#   DuckDB                [3, 2, 0]
#   DuckDB union_by_name  [3.0, 1.5, 0.25]
#   Polars                SchemaError
#   PyArrow               ArrowInvalid
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb
import polars
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

pq.write_table(pa.table({"load_ms": [3]}), "day-1.parquet")
pq.write_table(pa.table({"load_ms": [1.5, 0.25]}), "day-2.parquet")


def rows_of(options=""):
    rows = duckdb.execute(f"SELECT load_ms FROM read_parquet('day-*.parquet'{options})").fetchall()
    return sorted((row[0] for row in rows), reverse=True)


def error_of(read):
    try:
        read()
    except Exception as error:
        return type(error).__name__
    return "no error"


seen = {
    "DuckDB": rows_of(),
    "DuckDB union_by_name": rows_of(", union_by_name=true"),
    "Polars": error_of(lambda: polars.read_parquet("day-*.parquet")),
    "PyArrow": error_of(lambda: ds.dataset(["day-1.parquet", "day-2.parquet"]).to_table()),
}
for name, what in seen.items():
    print(f"{name:<21} {what}")
assert seen["DuckDB"] == [3, 2, 0]
assert seen["DuckDB union_by_name"] == [3.0, 1.5, 0.25]
assert seen["Polars"] == "SchemaError" and seen["PyArrow"] == "ArrowInvalid"
PYTHON
echo "as described"
