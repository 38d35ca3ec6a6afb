#!/usr/bin/env bash
# sql.js 1.17.0 and @libsql/client 0.18.0 (JavaScript) write whole numbers to a column of texts in SQLite.
# Expected: SQLite makes a text of the number, and the build identifier 20261130091500 is found by its text.
# Seen: both hand over a double, which SQLite writes with a point: sql.js from 2**31 on, and @libsql/client always.  So
# builds, addresses and times in milliseconds are not found, without an error, and small numbers only by one of the two.
# A half of 5 is another number by each.  @libsql/client also cuts a text at the letter U+0000, which SQLite holds:
#                                Python           sql.js             @libsql/client
#   5                            5                5                  5.0
#   2147483647                   2147483647       2147483647         2147483647.0
#   2147483648                   2147483648       2147483648.0       2147483648.0
#   20261130091500               20261130091500   20261130091500.0   20261130091500.0
#   rows with '20261130091500'   1                0                  0
#   5 / 2                        2                2                  2.5
#   5000000000 / 3               1666666666       1666666666.6666667 1666666666.6666667
#   "a", U+0000, "b"             3 letters        3 letters          1 letter
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund sql.js@1.17.0 @libsql/client@0.18.0 >/dev/null
cat >seen.py <<'PYTHON'
import sqlite3

connection = sqlite3.connect(":memory:")


def first(query, *values):
    return connection.execute(query, values).fetchone()[0]


connection.execute("CREATE TABLE pings (build TEXT)")
for number in (5, 2147483647, 2147483648, 20261130091500):
    connection.execute("INSERT INTO pings VALUES (?)", [number])
for (build,) in connection.execute("SELECT build FROM pings ORDER BY rowid"):
    print(build)
print(first("SELECT COUNT(*) FROM pings WHERE build = '20261130091500'"))
print(first("SELECT ? / 2", 5))
print(first("SELECT ? / 3", 5000000000))
print(len(first("SELECT ?", "a\0b")))
PYTHON
cat >seen.cjs <<'JAVASCRIPT'
const { createClient } = require("@libsql/client");
const initialize = require("sql.js");

async function report(run) {
  const values = [];
  await run("CREATE TABLE pings (build TEXT)", []);
  for (const number of [5, 2147483647, 2147483648, 20261130091500]) await run("INSERT INTO pings VALUES (?)", [number]);
  for (const rowid of [1, 2, 3, 4]) values.push(await run(`SELECT build FROM pings WHERE rowid = ${rowid}`, []));
  values.push(await run("SELECT COUNT(*) FROM pings WHERE build = '20261130091500'", []));
  values.push(await run("SELECT ? / 2", [5]));
  values.push(await run("SELECT ? / 3", [5000000000]));
  values.push((await run("SELECT ?", ["a\0b"])).length);
  return values;
}

async function main() {
  const database = new (await initialize()).Database();
  const client = createClient({ url: ":memory:" });
  const bySqlJs = await report((query, values) => database.exec(query, values)[0]?.values[0][0]);
  const byLibsql = await report(async (sql, args) => (await client.execute({ sql, args })).rows[0]?.[0]);
  bySqlJs.forEach((value, index) => console.log(`${value} | ${byLibsql[index]}`));
}

main();
JAVASCRIPT
python3 seen.py >python.txt
node seen.cjs >javascript.txt
paste -d '|' python.txt javascript.txt | sed 's/|/ | /' | tee seen.txt
diff seen.txt - <<'EXPECTED'
5 | 5 | 5.0
2147483647 | 2147483647 | 2147483647.0
2147483648 | 2147483648.0 | 2147483648.0
20261130091500 | 20261130091500.0 | 20261130091500.0
1 | 0 | 0
2 | 2 | 2.5
1666666666 | 1666666666.6666667 | 1666666666.6666667
3 | 3 | 1
EXPECTED
echo "as described"
