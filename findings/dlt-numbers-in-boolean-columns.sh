#!/usr/bin/env bash
# dlt 1.31.0 loads pings into DuckDB 2.0.1.  A key has values of several types, of which the first decides the type of
# the column.  Values that cannot be coerced go to a column beside it (`__v_text`).
# Expected: nothing is lost: what is not of the column's type goes to the column beside it.
# Seen: after a boolean all numbers are true, and after a time a text or number is taken for seconds since 1970, without
# an error or a column beside it.  A boolean after a number does go to a column beside it:
#   values                                 columns
#   [True, 5, 0.2]                         true, true, true
#   ['2026-11-01T00:00:00Z', '115.0', 5]   2026-11-01 00:00:00+00, 1970-01-01 00:01:55+00, 1970-01-01 00:00:05+00
#   [5, True, None]                        5, NULL, NULL | NULL, true, NULL
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile dlt==1.31.0 duckdb==2.0.1
cd "$folder"
RUNTIME__DLTHUB_TELEMETRY=false HOME="$folder" venv/bin/python -W ignore - <<'PYTHON'
import dlt
import duckdb

CASES = {
    "active": [True, 5, 0.2],
    "started": ["2026-11-01T00:00:00Z", "115.0", 5],
    "tabs": [5, True, None],
}
pings = [{"id": place, **dict(zip(CASES, values, strict=True))} for place, values in enumerate(zip(*CASES.values()))]
destination = dlt.destinations.duckdb("pings.duckdb")
pipeline = dlt.pipeline("pings", destination=destination, dataset_name="loaded", pipelines_dir="pipelines")
pipeline.run(pings, table_name="pings")
seen = {}
print(f"{'values':<38} columns")
with duckdb.connect("pings.duckdb") as connection:
    connection.execute("SET TimeZone = 'UTC'")
    for name, values in CASES.items():
        rows = connection.sql(f"SELECT COLUMNS('{name}.*')::VARCHAR FROM loaded.pings ORDER BY id").fetchall()
        seen[name] = [list(column) for column in zip(*rows, strict=True)]
        columns = " | ".join(", ".join(value or "NULL" for value in column) for column in seen[name])
        print(f"{values!s:<38} {columns}")
assert seen == {
    "active": [["true", "true", "true"]],
    "started": [["2026-11-01 00:00:00+00", "1970-01-01 00:01:55+00", "1970-01-01 00:00:05+00"]],
    "tabs": [["5", None, None], [None, "true", None]],
}
PYTHON
echo "as described"
