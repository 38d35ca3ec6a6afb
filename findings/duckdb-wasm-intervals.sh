#!/usr/bin/env bash
# @duckdb/duckdb-wasm 1.32.0 (JavaScript) gives intervals, which are the differences of two times in SQL, as pairs of
# numbers.
# Expected: a pair belongs to the interval of its row, or intervals are refused.
# Seen: each interval has 16 bytes, but is read as 4 bytes of years and months, without an error.  So a duration without
# months is 0, and all rows after the first are parts of earlier rows: the fourth row here is read from the first one:
#   00:01:30         0, 0
#   1 month 5 days   0, 0
#   02:00:00         -16192768, 0
#   3 days           1, 8
#   1 day 02:00:00   0, 1
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @duckdb/duckdb-wasm@1.32.0 >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const path = require("path");
const entry = require.resolve("@duckdb/duckdb-wasm/dist/duckdb-node-blocking.cjs");
const duckdb = require(entry);

const bundle = (name) => ({ mainModule: path.join(path.dirname(entry), name), mainWorker: "" });
const QUERY = `
  SELECT value, value::TEXT AS text
  FROM (VALUES
    (INTERVAL '90 seconds'), (INTERVAL '1 month 5 days'), (INTERVAL '2 hours'), (INTERVAL '3 days'),
    (TIMESTAMP '2026-11-30 12:00:00' - TIMESTAMP '2026-11-29 10:00:00')
  ) AS pings(value)`;

async function main() {
  const bundles = { mvp: bundle("duckdb-mvp.wasm"), eh: bundle("duckdb-eh.wasm") };
  const database = await duckdb.createDuckDB(bundles, new duckdb.VoidLogger(), duckdb.NODE_RUNTIME);
  await database.instantiate(() => {});
  const connection = database.connect();
  for (const row of connection.query(QUERY)) console.log(`${row.text} | ${[...row.value].join(", ")}`);
  connection.close();
}

main();
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
00:01:30 | 0, 0
1 month 5 days | 0, 0
02:00:00 | -16192768, 0
3 days | 1, 8
1 day 02:00:00 | 0, 1
EXPECTED
echo "as described"
