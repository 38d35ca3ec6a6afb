#!/usr/bin/env bash
# PyArrow 26.0.1 filters a Parquet file of its own by a list of values that contains 0.0.
# Expected: filters=[("ms", "in", [0.0])] finds the same rows as ("ms", "=", 0.0).
# Seen: a row group whose values are all zero is skipped, without an error.  PyArrow writes its minimum as -0.0, and the
# list is compared with that by its bits.  "not in" skips it too, rightly, so its rows are in neither answer.  pandas,
# Dask and Polars over a PyArrow dataset lose the same rows; a table in memory and other readers find all of them:
#   ms = 0.0                     5
#   in [0.0]                     1
#   not in [0.0]                 5
#   pandas in [0.0]              1
#   Dask in [0.0]                1
#   Polars, PyArrow's dataset    1
#   table in memory              5
#   DuckDB's reader              5
#   Polars' reader               5
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1 pandas==3.1.1 "dask[dataframe]==2026.8.0" \
  duckdb==2.0.1 polars==2.1.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import dask.dataframe
import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

# Row groups of four: all zeros, all ones, and two values of both kinds.
table = pa.table({"ms": [0.0] * 4 + [1.0] * 4 + [0.0, 1.0]})
pq.write_table(table, "times.parquet", row_group_size=4)


def rows(operator, value):
    return pq.read_table("times.parquet", filters=[("ms", operator, value)]).num_rows


IN = [("ms", "in", [0.0])]
is_zero = polars.col("ms").is_in([0.0])
seen = {
    "ms = 0.0": rows("=", 0.0),
    "in [0.0]": rows("in", [0.0]),
    "not in [0.0]": rows("not in", [0.0]),
    "pandas in [0.0]": len(pandas.read_parquet("times.parquet", filters=IN)),
    "Dask in [0.0]": len(dask.dataframe.read_parquet("times.parquet", filters=IN)),
    "Polars, PyArrow's dataset":
        polars.scan_pyarrow_dataset(ds.dataset("times.parquet")).filter(is_zero).collect().height,
    "table in memory": table.filter(pc.is_in(table["ms"], pa.array([0.0]))).num_rows,
    "DuckDB's reader": len(duckdb.sql("FROM 'times.parquet' WHERE ms IN (0.0)").fetchall()),
    "Polars' reader": polars.scan_parquet("times.parquet").filter(is_zero).collect().height,
}
for name, found in seen.items():
    print(f"{name:<28} {found}")
assert list(seen.values()) == [5, 1, 5, 1, 1, 1, 5, 5, 5], list(seen.values())
PYTHON
echo "as described"
