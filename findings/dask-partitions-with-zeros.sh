#!/usr/bin/env bash
# dask 2026.8.0 reads a folder of Parquet files in partitions hour=08, hour=09, hour=10 and hour=unknown, one row each.
# Expected: the four texts as PyArrow 26.0.1 reads them, or an error.
# Seen: since one name is not a number, the column has texts, but a name that begins with 0 is absent from its categories,
# so that those rows have NaN, without an error, and grouping or filtering by the hour loses them.  Without the folder
# hour=unknown all names are numbers and all rows are right:
#   folders                     dask, hour                     dask, rows by hour        PyArrow, hour
#   08, 09, 10, unknown         NaN, NaN, 10, unknown          10: 1, unknown: 1         08, 09, 10, unknown
#   08, 09, 10                  8, 9, 10                       8: 1, 9: 1, 10: 1         8, 9, 10
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "dask[dataframe]==2026.8.0" pandas==3.1.1 pyarrow==26.0.1
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
from pathlib import Path

import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet

WANTED = [
    (["08", "09", "10", "unknown"], "NaN, NaN, 10, unknown", "10: 1, unknown: 1", "08, 09, 10, unknown"),
    (["08", "09", "10"], "8, 9, 10", "8: 1, 9: 1, 10: 1", "8, 9, 10"),
]


def written(names):
    root = Path(f"pings-{len(names)}")
    for number, name in enumerate(names):
        folder = root / f"hour={name}"
        folder.mkdir(parents=True)
        pa.parquet.write_table(pa.table({"clicks": [number]}), folder / "0.parquet")
    return root


def text(values):
    return ", ".join("NaN" if pd.isna(value) else str(value) for value in values)


print(f"{'folders':<27} {'dask, hour':<30} {'dask, rows by hour':<25} PyArrow, hour")
for names, *wanted in WANTED:
    root = written(names)
    rows = dd.read_parquet(str(root))
    by_hour = rows.groupby("hour", observed=True)["clicks"].count().compute()
    by_arrow = pa.dataset.dataset(root, partitioning="hive").to_table()
    seen = [
        text(rows.compute().sort_values("clicks")["hour"]),
        ", ".join(f"{hour}: {count}" for hour, count in by_hour.items()),
        text(by_arrow.sort_by("clicks")["hour"].to_pylist()),
    ]
    print(f"{', '.join(names):<27} {seen[0]:<30} {seen[1]:<25} {seen[2]}")
    assert seen == wanted, seen
PYTHON
echo "as described"
