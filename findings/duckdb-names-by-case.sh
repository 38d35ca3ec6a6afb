#!/usr/bin/env bash
# DuckDB 2.0.1 and names that differ by case alone, which JSON and Parquet allow.
# Expected: each name gives its own value, or the query fails because the name is ambiguous.
# Seen: the second column or struct field is renamed to NAME_1, and its real name gives the value of the first one
# without a warning.  read_json refuses such an object in a field.  A JSON column keeps the two apart:
#   columns        gc = 1, GC = 1, now named ['gc', 'GC_1']
#   struct fields  gc = 1, GC = 1
#   read_json      NotImplementedException
#   JSON column    gc = 1, GC = 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.1 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

COUNTS = {"gc": 1, "GC": 2}
pq.write_table(pa.table({name: [count] for name, count in COUNTS.items()}), "columns.parquet")
pq.write_table(pa.table({"counts": [COUNTS]}), "fields.parquet")
Path("pings.ndjson").write_text(json.dumps({"counts": COUNTS}) + "\n")


def row_of(query):
    [row] = duckdb.execute(query).fetchall()
    return row


names = [column[0] for column in duckdb.execute("FROM 'columns.parquet'").description]
columns = row_of("SELECT gc, GC FROM 'columns.parquet'")
fields = row_of("SELECT counts.gc, counts.GC FROM 'fields.parquet'")
try:
    inferred = str(row_of("FROM read_json('pings.ndjson')"))
except duckdb.Error as error:
    inferred = type(error).__name__
as_json = row_of("SELECT (counts->>'gc')::INT, (counts->>'GC')::INT "
                 "FROM read_json('pings.ndjson', columns={'counts': 'JSON'})")
print(f"columns        gc = {columns[0]}, GC = {columns[1]}, now named {names}")
print(f"struct fields  gc = {fields[0]}, GC = {fields[1]}")
print(f"read_json      {inferred}")
print(f"JSON column    gc = {as_json[0]}, GC = {as_json[1]}")
assert columns == (1, 1) and names == ["gc", "GC_1"] and fields == (1, 1)
assert inferred == "NotImplementedException" and as_json == (1, 2)
PYTHON
echo "as described"
