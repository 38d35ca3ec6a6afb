#!/usr/bin/env bash
# Polars 2.1.0, PyArrow 26.0.1 and DataFusion 55.0.0 add up counts of 32 bits, and times in nanoseconds of 400 clients
# that were active for a year each.
# Expected: the sum, in a wider type if need be, as DuckDB 2.0.1 gives it, or an error.
# Seen: Polars adds numbers of 32 bits in 32 bits, though it widens those of 8 and 16 bits, so a sum past 4,294,967,295
# begins again at 0.  A sum past 64 bits is negative in all three, also by SQL, while the average beside it is right:
#                   three times 3,000,000,000      400 years in ns
#   Polars                          410065408      -5832344073709551616
#   PyArrow                        9000000000      -5832344073709551616
#   DataFusion                     9000000000      -5832344073709551616
#   DuckDB                         9000000000      12614400000000000000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0 pyarrow==26.0.1 datafusion==55.0.0 duckdb==2.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb
import polars
import pyarrow as pa
import pyarrow.compute as pc
from datafusion import SessionContext

YEAR = 365 * 24 * 3600 * 10**9
counts = pa.table({"number": pa.array([3_000_000_000] * 3, pa.uint32())})
times = pa.table({"number": pa.array([YEAR] * 400, pa.int64())})
QUERY = "SELECT sum(number) AS total, avg(number) AS average FROM {}"


def by_polars(table):
    frame = polars.from_arrow(table)
    assert frame["number"].sum() == frame.sql(QUERY.format("self"))["total"][0]
    return frame["number"].sum(), frame["number"].mean()


def by_pyarrow(table):
    return pc.sum(table["number"]).as_py(), pc.mean(table["number"]).as_py()


def by_datafusion(table):
    context = SessionContext()
    context.from_arrow(table, "pings")
    [row] = context.sql(QUERY.format("pings")).to_pylist()
    return row["total"], row["average"]


def by_duckdb(pings):
    [row] = duckdb.sql(QUERY.format("pings")).fetchall()
    return row


print(f"{'':<15} {'three times 3,000,000,000':>26}      400 years in ns")
seen = {}
for name, by in {"Polars": by_polars, "PyArrow": by_pyarrow, "DataFusion": by_datafusion, "DuckDB": by_duckdb}.items():
    (count, count_average), (time, time_average) = by(counts), by(times)
    print(f"{name:<15} {count:>26}      {time}")
    seen[name] = count, time
    assert count_average == 3_000_000_000 and time_average == YEAR
assert seen["Polars"] == (9_000_000_000 % 2**32, 400 * YEAR - 2**64)
assert seen["PyArrow"] == seen["DataFusion"] == (9_000_000_000, 400 * YEAR - 2**64)
assert seen["DuckDB"] == (9_000_000_000, 400 * YEAR)
PYTHON
echo "as described"
