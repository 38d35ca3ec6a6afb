#!/usr/bin/env bash
# mo-sql-parsing 11.699.26234 (the continuation of Mozilla's moz-sql-parser) makes JSON of a query with parse(), and a
# query of that JSON with format().
# Expected: DuckDB 2.0.1 gives the same answer to both queries.
# Seen: format() leaves out the brackets after NOT, as well as NULLS FIRST, and parse() turns IS NOT DISTINCT FROM NULL
# around.  There are no errors:
#   WHERE NOT (channel = 'nightly' OR channel = 'beta')  2 pings, then 3
#   WHERE NOT (channel = 'beta' AND n = 2)               4 pings, then 0
#   WHERE version IS NOT DISTINCT FROM NULL              1 ping, then 4
#   ORDER BY version NULLS FIRST LIMIT 1                 the ping 3, then the ping 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mo-sql-parsing==11.699.26234 duckdb==2.0.1
cd "$folder"
cat >seen.py <<'PYTHON'
import duckdb
from mo_sql_parsing import format, parse

PINGS = """
    CREATE TABLE pings AS SELECT * FROM (
        VALUES (1, 'release', '115'), (2, 'beta', '116'), (3, 'release', NULL), (4, 'nightly', '117'),
        (5, 'nightly', '118')
    ) AS pings(n, channel, version)
"""
QUERIES = [
    "SELECT COUNT(*) FROM pings WHERE NOT (channel = 'nightly' OR channel = 'beta')",
    "SELECT COUNT(*) FROM pings WHERE NOT (channel = 'beta' AND n = 2)",
    "SELECT COUNT(*) FROM pings WHERE version IS NOT DISTINCT FROM NULL",
    "SELECT n FROM pings ORDER BY version NULLS FIRST LIMIT 1",
]
connection = duckdb.connect()
connection.execute(PINGS)
for query in QUERIES:
    again = format(parse(query))
    [(wanted,)] = connection.sql(query).fetchall()
    [(seen,)] = connection.sql(again).fetchall()
    print(wanted, seen, again)
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
2 3 SELECT COUNT(*) FROM pings WHERE NOT channel = 'nightly' OR channel = 'beta'
4 0 SELECT COUNT(*) FROM pings WHERE NOT channel = 'beta' AND n = 2
1 4 SELECT COUNT(*) FROM pings WHERE version IS NOT NULL
3 1 SELECT n FROM pings ORDER BY version LIMIT 1
EXPECTED
echo "as described"
