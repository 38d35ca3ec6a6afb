#!/usr/bin/env bash
# data-forge 1.10.5 (JavaScript) holds two columns of five pings each; two of the pings have no value.
# Expected: `toArray()` gives the values of a column, as many as `count()` says,
# so that the values of two columns belong together by their place, for a chart or a correlation.
# Seen: it leaves out null and undefined, without an error.  With `includeNulls` it leaves out undefined alone.  From
# the second place on, each value stands beside the time of another ping.  NaN is kept:
#   count                 5
#   times                 1, 2, 3, 4, 5
#   values                10, 30, 50
#   with `includeNulls`   10, null, 30, 50
#   rows                  1 10, 2 null, 3 30, 4 undefined, 5 50
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund data-forge@1.10.5 >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const { DataFrame, Series } = require("data-forge");

const pings = new DataFrame([
  { time: 1, tabs: 10 }, { time: 2, tabs: null }, { time: 3, tabs: 30 }, { time: 4 }, { time: 5, tabs: 50 },
]);
const tabs = pings.getSeries("tabs");
console.log("count", tabs.count());
console.log("times", pings.getSeries("time").toArray());
console.log("values", tabs.toArray());
console.log("with nulls", tabs.toArray({ includeNulls: true }));
console.log("rows", pings.toRows());
console.log("sums", tabs.cumsum().toArray());
console.log("not a number", new Series([1, NaN, 3]).toArray());
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
count 5
times [ 1, 2, 3, 4, 5 ]
values [ 10, 30, 50 ]
with nulls [ 10, null, 30, 50 ]
rows [ [ 1, 10 ], [ 2, null ], [ 3, 30 ], [ 4, undefined ], [ 5, 50 ] ]
sums [ 10, 40, 90 ]
not a number [ 1, NaN, 3 ]
EXPECTED
echo "as described"
