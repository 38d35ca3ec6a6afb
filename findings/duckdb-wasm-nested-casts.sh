#!/usr/bin/env bash
# @duckdb/duckdb-wasm 1.32.0 (JavaScript) has options by which a query gives long integers and decimals as doubles, and
# times as dates in milliseconds, because a dashboard cannot draw the others.
# Expected: a value inside a list or an object is converted as it is in a column of its own, or keeps its type.
# Seen: only the type is changed there, and the bits are read as they are, without an error.  The number 5 is 2.5e-323,
# and the second decimal of a list is 0.  A time is a thousand times as large, the year 58884.  A map is not converted:
#   castBigIntToDouble, castDecimalToDouble and castTimestampToDate
#     5::BIGINT                        5
#     [5::BIGINT, 6]                   2.5e-323, 3e-323
#     {'n': count(*)}                  5e-324 for one row
#     1.5::DECIMAL(5, 2)               1.5
#     [1.5::DECIMAL(5, 2), 2.5]        7.4e-322, 0
#     TIMESTAMP '2026-11-30 10:00:00'  1796032800000
#     the same in a list               1796032800000000
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
const parts = (value) => [...(value.toArray?.() ?? Object.values(value.toJSON()))];
const plain = (value) => (Object(value) === value ? parts(value) : [value]);

async function main() {
  const bundles = { mvp: bundle("duckdb-mvp.wasm"), eh: bundle("duckdb-eh.wasm") };
  const database = await duckdb.createDuckDB(bundles, new duckdb.VoidLogger(), duckdb.NODE_RUNTIME);
  await database.instantiate(() => {});
  const query = { castBigIntToDouble: true, castDecimalToDouble: true, castTimestampToDate: true };
  database.open({ query });
  const connection = database.connect();
  for (const expression of [
    "5::BIGINT", "[5::BIGINT, 6]", "{'n': 5::BIGINT}", "{'n': count(*)}", "1.5::DECIMAL(5, 2)",
    "[1.5::DECIMAL(5, 2), 2.5]", "TIMESTAMP '2026-11-30 10:00:00'", "[TIMESTAMP '2026-11-30 10:00:00']",
  ]) {
    const [row] = connection.query(`SELECT ${expression} AS value`).toArray();
    console.log(`${expression} | ${plain(row.value).join(", ")}`);
  }
  connection.close();
}

main();
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
5::BIGINT | 5
[5::BIGINT, 6] | 2.5e-323, 3e-323
{'n': 5::BIGINT} | 2.5e-323
{'n': count(*)} | 5e-324
1.5::DECIMAL(5, 2) | 1.5
[1.5::DECIMAL(5, 2), 2.5] | 7.4e-322, 0
TIMESTAMP '2026-11-30 10:00:00' | 1796032800000
[TIMESTAMP '2026-11-30 10:00:00'] | 1796032800000000
EXPECTED
echo "as described"
