#!/usr/bin/env bash
# DataFusion 55.0.0 looks for 0.0 in a Parquet file of PyArrow 26.0.1 that has a Bloom filter and holds -0.0, as a small
# negative fraction gives when it is rounded.
# Expected: the rows with -0.0 are found, as in the same file without a Bloom filter, since -0.0 = 0.0.
# Seen: their row groups are skipped, without an error, because the filter is asked for the bits of 0.0 alone.  A range
# from 0.0 to 0.0 is taken for an equality.  DuckDB 2.0.1 finds all rows in both files:
#                               without   with a Bloom filter
#   share = 0.0                       8                     4
#   share IN (0.0, 5.0)               8                     4
#   share BETWEEN 0.0 AND 0.0         8                     4
#   DuckDB, share = 0.0               8                     8
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datafusion==55.0.0 pyarrow==26.0.1 duckdb==2.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from datafusion import SessionContext

# Row groups of four.
table = pa.table({"share": [round(-0.001, 2)] * 4 + [0.0] * 4 + [1.0] * 4})
pq.write_table(table, "without.parquet", row_group_size=4)
pq.write_table(table, "with.parquet", row_group_size=4, bloom_filter_options={"share": True})


def found(file, condition):
    context = SessionContext()
    context.register_parquet("pings", file)
    [row] = context.sql(f"SELECT count(*) AS found FROM pings WHERE {condition}").to_pylist()
    return row["found"]


FILES = ("without.parquet", "with.parquet")
CONDITIONS = ("share = 0.0", "share IN (0.0, 5.0)", "share BETWEEN 0.0 AND 0.0")
seen = {condition: [found(file, condition) for file in FILES] for condition in CONDITIONS}
seen["DuckDB, share = 0.0"] = [len(duckdb.sql(f"FROM '{file}' WHERE share = 0.0").fetchall()) for file in FILES]
print(f"{'':<27} {'without':>9} {'with a Bloom filter':>21}")
for name, (without, with_filter) in seen.items():
    print(f"{name:<27} {without:>9} {with_filter:>21}")
assert all(numbers == [8, 4] for name, numbers in seen.items() if not name.startswith("DuckDB"))
assert seen["DuckDB, share = 0.0"] == [8, 8]
PYTHON
echo "as described"
