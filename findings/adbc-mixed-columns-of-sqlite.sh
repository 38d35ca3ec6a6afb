#!/usr/bin/env bash
# adbc-driver-sqlite 1.13.0 (Python) reads a column of SQLite, whose values each have a type, as an Arrow column.
# Expected: a number that becomes a text, for a text in the same column, keeps its digits, as SQLite's own cast does.
# Seen: a text among the first rows turns the fractions into texts of seven digits, without an error.  One fraction
# rounds the whole numbers past 2**53:
#   values in the column       as texts by SQLite      by adbc-driver-sqlite
#   1795939200.75, 'unknown'   1795939200.75           1.795939e+09
#   0.123456789, 'unknown'     0.123456789             1.234568e-01
#   9007199254740993, 'a'      9007199254740993        9007199254740993
#   9007199254740993, 1.5      9007199254740993        9007199254740992.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet adbc-driver-sqlite==1.13.0 pyarrow==26.0.1
cd "$folder"
cat >seen.py <<'PYTHON'
from adbc_driver_sqlite import dbapi

COLUMNS = [
    "(1795939200.75), ('unknown')",
    "(0.123456789), ('unknown')",
    "(9007199254740993), ('a')",
    "(9007199254740993), (1.5)",
]
with dbapi.connect(":memory:") as connection, connection.cursor() as cursor:
    for values in COLUMNS:
        cursor.execute(f"CREATE TABLE pings AS SELECT column1 AS metric FROM (VALUES {values})")
        cursor.execute("SELECT CAST(metric AS TEXT) FROM pings")
        kept = cursor.fetchall()[0][0]
        cursor.execute("SELECT metric FROM pings")
        print(values, kept, cursor.fetch_arrow_table()["metric"][0], sep=" | ")
        cursor.execute("DROP TABLE pings")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
(1795939200.75), ('unknown') | 1795939200.75 | 1.795939e+09
(0.123456789), ('unknown') | 0.123456789 | 1.234568e-01
(9007199254740993), ('a') | 9007199254740993 | 9007199254740993
(9007199254740993), (1.5) | 9007199254740993 | 9007199254740992.0
EXPECTED
echo "as described"
