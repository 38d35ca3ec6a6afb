#!/usr/bin/env bash
# @dsnp/parquetjs 1.8.8 reads unsigned numbers from a Parquet file that DuckDB 2.0.1 wrote.  Its README lists UINT_32
# and UINT_64 among its types.
# Expected: the numbers, as hyparquet 1.33.0 reads them.
# Seen: those of the upper half are negative, without an error, and so a sum of counts may be, too:
#                parquetjs       hyparquet
#   UINTEGER     -1              4294967295
#   UBIGINT      -1              18446744073709551615
#   USMALLINT    65535           65535
#   sum          -294967296      4000000000
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.1
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @dsnp/parquetjs@1.8.8 hyparquet@1.33.0 >/dev/null
venv/bin/python - <<'PYTHON'
import duckdb

# The third column is one of counts: 1,500,000,000 and 2,500,000,000.
duckdb.sql(
    "COPY (SELECT * FROM (VALUES"
    " (4294967295::UINTEGER, 18446744073709551615::UBIGINT, 65535::USMALLINT, 1500000000::UINTEGER),"
    " (1::UINTEGER, 1::UBIGINT, 1::USMALLINT, 2500000000::UINTEGER)"
    ") AS counts(u32, u64, u16, number)) TO 'counts.parquet'"
)
PYTHON
cat > read.mjs <<'JAVASCRIPT'
import assert from "node:assert";
import fs from "node:fs";
import parquet from "@dsnp/parquetjs";
import { parquetReadObjects } from "hyparquet";

async function byParquetjs() {
  const reader = await parquet.ParquetReader.openFile("counts.parquet");
  const cursor = reader.getCursor();
  const rows = [];
  for (let row = await cursor.next(); row !== null; row = await cursor.next()) rows.push(row);
  await reader.close();
  return rows;
}

const bytes = fs.readFileSync("counts.parquet");
const byHyparquet = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
const seen = [await byParquetjs(), byHyparquet].map((rows) => [
  ...["u32", "u64", "u16"].map((name) => String(rows[0][name])),
  String(rows[0].number + rows[1].number),
]);
console.log(`${"".padEnd(12)} ${"parquetjs".padEnd(15)} hyparquet`);
["UINTEGER", "UBIGINT", "USMALLINT", "sum"].forEach((name, place) => {
  console.log(`${name.padEnd(12)} ${seen[0][place].padEnd(15)} ${seen[1][place]}`);
});
assert.deepStrictEqual(seen[0], ["-1", "-1", "65535", "-294967296"]);
assert.deepStrictEqual(seen[1], ["4294967295", "18446744073709551615", "65535", "4000000000"]);
JAVASCRIPT
node read.mjs
echo "as described"
