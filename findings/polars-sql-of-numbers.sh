#!/usr/bin/env bash
# The same SQL expressions on one row in Polars 2.1.0, DuckDB 2.0.1 and DataFusion 55.0.0.  The value is the double 2.5.
# Expected: POWER gives a floating-point number, as it does in DuckDB and DataFusion, and ROUND rounds a number in one
# way.
# Seen: Polars computes POWER of whole numbers in 32 bits, without an error, so that the result is negative or 0, and a
# negative exponent is an error; the column is of 32 bits too.  ROUND goes to the even neighbour for a double but up for
# a decimal number of the same value:
#   expression                          Polars                 DuckDB         DataFusion
#   POWER(10, 10)                       1410065408             10000000000    10000000000
#   POWER(2, 31)                        -2147483648            2147483648     2147483648
#   POWER(2, 32)                        0                      4294967296     4294967296
#   POWER(bytes, 2)                     1410065408             10000000000    10000000000
#   POWER(2, -1)                        InvalidOperationError  0.5            0.5
#   ROUND(value)                        2                      3              3
#   ROUND(CAST(value AS DECIMAL(5, 1))) 3                   3              3
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0 duckdb==2.0.1 datafusion==55.0.0 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import datafusion
import duckdb
import polars as pl
import pyarrow as pa

TABLE = pa.table({"value": [2.5], "bytes": pa.array([100_000], pa.int32())})
in_datafusion = datafusion.SessionContext()
in_datafusion.register_record_batches("pings", [TABLE.to_batches()])
in_duckdb = duckdb.connect()
in_duckdb.register("pings", TABLE)


def by_polars(query):
    try:
        return pl.SQLContext(pings=pl.from_arrow(TABLE)).execute(query, eager=True).item()
    except pl.exceptions.PolarsError as error:
        return type(error).__name__


def by_duckdb(query):
    return in_duckdb.execute(query).fetchone()[0]


def by_datafusion(query):
    return in_datafusion.sql(query).to_pylist()[0]["found"]


DECIMAL = "ROUND(CAST(value AS DECIMAL(5, 1)))"
WANTED = {
    "POWER(10, 10)": [1410065408, 10**10, 10**10],
    "POWER(2, 31)": [-(2**31), 2**31, 2**31],
    "POWER(2, 32)": [0, 2**32, 2**32],
    "POWER(bytes, 2)": [1410065408, 10**10, 10**10],
    "POWER(2, -1)": ["InvalidOperationError", 0.5, 0.5],
    "ROUND(value)": [2, 3, 3],
    DECIMAL: [3, 3, 3],
}


def text(value):
    return value if isinstance(value, str) else f"{float(value):.12g}"


for expression, wanted in WANTED.items():
    query = f"SELECT {expression} AS found FROM pings"
    seen = [by_polars(query), by_duckdb(query), by_datafusion(query)]
    print(f"{expression:<35} {text(seen[0]):<22} {text(seen[1]):<14} {text(seen[2])}")
    assert seen == wanted, seen
PYTHON
echo "as described"
