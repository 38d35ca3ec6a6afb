#!/usr/bin/env bash
# dlt 1.31.0 loads pings into DuckDB 2.0.1.  A key has values of several types, of which the first decides the type of
# the column.  Values that cannot be coerced go to a column beside it (`__v_text`).
# Expected: nothing is lost: what is not of the column's type goes to the column beside it.
# Seen: after a boolean all numbers are true, and after a time a text or number is taken for seconds since 1970, without
# an error or a column beside it.  A boolean after a number does go to a column beside it:
#   values                                 columns
#   [True, 5, 0.2]                         true, true, true
#   ['2026-11-01T00:00:00Z', '115.0', 5]   2026-11-01 00:00:00+00, 1970-01-01 00:01:55+00, 1970-01-01 00:00:05+00
#   [5, True]                              5, NULL | NULL, true
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile dlt==1.31.0 duckdb==2.0.1
cd "$folder"
RUNTIME__DLTHUB_TELEMETRY=false HOME="$folder" venv/bin/python -W ignore - <<'PYTHON'
import dlt
import duckdb

CASES = [
    [True, 5, 0.2],
    ["2026-11-01T00:00:00Z", "115.0", 5],
    [5, True],
]
print(f"{'values':<38} columns")
seen = []
for place, values in enumerate(CASES):
    file = f"pings{place}.duckdb"
    pipeline = dlt.pipeline(
        f"pings{place}",
        destination=dlt.destinations.duckdb(file),
        dataset_name="loaded",
        pipelines_dir="pipelines",
    )
    pipeline.run([{"id": number, "value": value} for number, value in enumerate(values)], table_name="pings")
    with duckdb.connect(file) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.sql("SELECT COLUMNS('value.*')::VARCHAR FROM loaded.pings ORDER BY id").fetchall()
    seen.append([list(column) for column in zip(*rows, strict=True)])
    columns = " | ".join(", ".join(value or "NULL" for value in column) for column in seen[-1])
    print(f"{values!s:<38} {columns}")
assert seen == [
    [["true", "true", "true"]],
    [["2026-11-01 00:00:00+00", "1970-01-01 00:01:55+00", "1970-01-01 00:00:05+00"]],
    [["5", None], [None, "true"]],
]
PYTHON
echo "as described"
