#!/usr/bin/env bash
# DuckDB 2.0.1 writes its JSON and UUID columns to Parquet with the Parquet types of these names.
# Expected: Polars 2.1.0 reads them as text, as it gets them from DuckDB without a file.
# Seen: both columns are bytes in Polars, the UUID as its 16 bytes, so a comparison with text does not work.  PyArrow
# 26.0.1 gives values of its own types.  Casts in the query, payload::VARCHAR and id::VARCHAR, give text to all readers:
#   relation.pl()        payload String  id String
#   Polars, file         payload Binary  id Binary
#   Polars, file, cast   payload String  id String
#   PyArrow, file        payload extension<arrow.json>  id extension<arrow.uuid>
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb
import polars
import pyarrow.parquet as pq

ID = "0d2c0ff1-2a8d-4f6e-9e0b-0c5c4b1f7a11"
QUERY = f"SELECT '{{}}'::JSON AS payload, '{ID}'::UUID AS id"
duckdb.execute(f"COPY ({QUERY}) TO 'pings.parquet'")
duckdb.execute(f"COPY (SELECT payload::VARCHAR AS payload, id::VARCHAR AS id FROM ({QUERY})) TO 'text.parquet'")
seen = {
    "relation.pl()": duckdb.sql(QUERY).pl().dtypes,
    "Polars, file": polars.read_parquet("pings.parquet").dtypes,
    "Polars, file, cast": polars.read_parquet("text.parquet").dtypes,
    "PyArrow, file": pq.read_schema("pings.parquet").types,
}
for name, (payload, id_type) in seen.items():
    print(f"{name:<20} payload {payload}  id {id_type}")
assert seen["relation.pl()"] == seen["Polars, file, cast"] == [polars.String, polars.String]
assert seen["Polars, file"] == [polars.Binary, polars.Binary]
assert [str(kind) for kind in seen["PyArrow, file"]] == ["extension<arrow.json>", "extension<arrow.uuid>"]
PYTHON
echo "as described"
