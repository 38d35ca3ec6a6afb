#!/usr/bin/env bash
# alasql 4.19.1 (npm) answers SQL in JavaScript, as sqlite3 of Python does.
# Expected: both give the same answers to standard SQL, or an error.
# Seen: seven of eight answers are others, without an error.  IS NULL finds nothing after OR; a window has neither its
# order nor its groups; a group by the place of a column is one group; a bigint has 32 bits; MAX of texts is empty:
#                                                  SQLite       alasql
#   n of pings where n < 3 or n is null            1, 2, null   1, 2
#   row_number() by channel, for n = 1, 2, 3, 4    1, 1, 2, 2   1, 2, 3, 4
#   row_number() by n desc, for n = 1, 2, 3, 4     4, 3, 2, 1   1, 2, 3, 4
#   count(*) by channel in a window                2, 2, 2, 2   4, 4, 4, 4
#   count(*) of each channel, "group by 1"         2, 2, 1      5
#   cast(3000000000 as bigint)                     3000000000   -1294967296
#   max(channel)                                   release      nothing
#   sum(n) of each channel                         4, 6         4, 6
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund alasql@4.19.1
cat >queries.json <<'JSON'
{
  "tables": [
    "create table pings (channel varchar, n int)",
    "insert into pings values ('beta', 1), ('nightly', 2), ('beta', 3), ('nightly', 4), ('release', null)"
  ],
  "queries": [
    "select n from pings where n < 3 or n is null",
    "select n, row_number() over (partition by channel order by n) as x from pings where n > 0 order by n",
    "select n, row_number() over (order by n desc) as x from pings where n > 0 order by n",
    "select n, count(*) over (partition by channel) as x from pings where n > 0 order by n",
    "select channel, count(*) as x from pings group by 1 order by x desc",
    "select cast(3000000000 as bigint) as x",
    "select max(channel) as x from pings",
    "select channel, sum(n) as x from pings where n > 0 group by channel order by x"
  ]
}
JSON
cat >seen.py <<'PYTHON'
import json
import sqlite3

with open("queries.json") as file:
    script = json.load(file)
connection = sqlite3.connect(":memory:")
for statement in script["tables"]:
    connection.execute(statement)
for query in script["queries"]:
    print(json.dumps([row[-1] for row in connection.execute(query)]))
PYTHON
cat >seen.cjs <<'JAVASCRIPT'
const alasql = require("alasql");
const { tables, queries } = require("./queries.json");
tables.forEach((statement) => alasql(statement));
for (const query of queries) {
  console.log(JSON.stringify(alasql(query).map((row) => row.x ?? row.n ?? null)).replaceAll(",", ", "));
}
JAVASCRIPT
python3 seen.py >sqlite.txt
node seen.cjs >alasql.txt
paste -d ' ' sqlite.txt alasql.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
[1, 2, null] [1, 2]
[1, 1, 2, 2] [1, 2, 3, 4]
[4, 3, 2, 1] [1, 2, 3, 4]
[2, 2, 2, 2] [4, 4, 4, 4]
[2, 2, 1] [5]
[3000000000] [-1294967296]
["release"] [null]
[4, 6] [4, 6]
EXPECTED
echo "as described"
