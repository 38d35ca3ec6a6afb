#!/usr/bin/env bash
# arquero 8.0.3 (npm) reads pings from CSV and JSON lines.  By its documentation the types of CSV come from the first
# 1,000 values ("autoMax"), and strings of JSON that are dates become dates.
# Expected: a later value of another type is kept as it is or refused, each field of each line is kept, and the sum of
# two values depends on those two.
# Seen: in CSV a later text is NaN in a column of numbers, and true in a column of booleans.  In JSON lines a field
# that the first line has not is lost in all lines.  A sum of two values is NaN for all rows after an infinite value.
# There are no errors:
#   CSV, numbers: 1, ..., 1, "115a1", "-"            1, ..., 1, NaN, NaN
#   CSV, booleans: true, ..., true, "no", "0"        true, ..., true, true, true
#   JSON lines: {"a": 1}, {"a": 2, "b": 3}           {"a": 1}, {"a": 2}
#   rolling sum of two: 1, Infinity, 2, 3, 4         1, Infinity, Infinity, NaN, NaN
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >package.json <<'JSON'
{ "private": true, "overrides": { "@uwdata/flechette": "2.3.0" } }
JSON
npm install --silent --no-audit --no-fund arquero@8.0.3
cat >seen.mjs <<'JAVASCRIPT'
import { fromCSV, fromJSON, op, rolling, table } from "arquero";

const csv = (first, later) => fromCSV(["n", ...Array(1000).fill(first), ...later].join("\n")).array("n").slice(1000);
console.log("numbers", ...csv("1", ["115a1", "-"]));
console.log("booleans", ...csv("true", ["no", "0"]));
console.log("lines", JSON.stringify(fromJSON('{"a": 1}\n{"a": 2, "b": 3}\n', { type: "ndjson" }).objects()));
const durations = table({ n: [1, Infinity, 2, 3, 4] });
console.log("sums", ...durations.derive({ sum: rolling((row) => op.sum(row.n), [-1, 0]) }).array("sum"));
JAVASCRIPT
node seen.mjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
numbers NaN NaN
booleans true true
lines [{"a":1},{"a":2}]
sums 1 Infinity Infinity NaN NaN
EXPECTED
echo "as described"
