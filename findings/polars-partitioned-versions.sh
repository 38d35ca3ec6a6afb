#!/usr/bin/env bash
# Polars 2.1.0 reads Parquet files that DuckDB 2.0.1 has partitioned by a column of versions, which are texts.  The
# column is in the names of the folders only, as Hive and Spark have it too.
# Expected: the texts, or at least as many versions as were written.
# Seen: the names are taken for numbers if all look like ones, so 115.1 and 115.10 are one version, and the counts of
# both are added, without an error.  fastparquet 2026.9.0 does so too, DuckDB and PyArrow 26.0.1 do not.  In Polars
# try_parse_hive_dates=False changes nothing, but a hive_schema does:
#   written                {'115.1': 10, '115.10': 700, '115.9': 5}
#   Polars                 {115.1: 710, 115.9: 5}
#   Polars, hive_schema    {'115.1': 10, '115.10': 700, '115.9': 5}
#   fastparquet            {115.1: 710, 115.9: 5}
#   DuckDB                 {'115.1': 10, '115.10': 700, '115.9': 5}
#   PyArrow                {'115.1': 10, '115.10': 700, '115.9': 5}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0 fastparquet==2026.9.0 duckdb==2.0.1 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
from collections import Counter

import duckdb
import fastparquet
import polars
import pyarrow.dataset

WRITTEN = {"115.1": 10, "115.10": 700, "115.9": 5}
rows = ", ".join(f"('{version}', {number})" for version, number in WRITTEN.items())
duckdb.sql(f"COPY (FROM (VALUES {rows}) AS pings(version, pings)) TO 'pings' (FORMAT parquet, PARTITION_BY version)")


def added(pairs):
    counts = Counter()
    for version, number in pairs:
        counts[version] += number
    return dict(sorted(counts.items()))


def by_polars(**options):
    read = polars.scan_parquet("pings/", **options).collect()
    return added(read.select("version", "pings").iter_rows())


by_fastparquet = fastparquet.ParquetFile("pings").to_pandas()
by_pyarrow = pyarrow.dataset.dataset("pings", partitioning="hive").to_table().to_pydict()
seen = {
    "written": WRITTEN,
    "Polars": by_polars(),
    "Polars, hive_schema": by_polars(hive_schema={"version": polars.String}),
    "fastparquet": added(zip(by_fastparquet["version"].tolist(), by_fastparquet["pings"].tolist(), strict=True)),
    "DuckDB": added(duckdb.sql("SELECT version, pings FROM read_parquet('pings/*/*.parquet')").fetchall()),
    "PyArrow": added(zip(by_pyarrow["version"], by_pyarrow["pings"], strict=True)),
}
assert by_polars(try_parse_hive_dates=False) == seen["Polars"]
for name, counts in seen.items():
    print(f"{name:<22} {counts}")
assert seen["Polars"] == seen["fastparquet"] == {115.1: 710, 115.9: 5}
assert all(seen[name] == WRITTEN for name in ("Polars, hive_schema", "DuckDB", "PyArrow"))
PYTHON
echo "as described"
