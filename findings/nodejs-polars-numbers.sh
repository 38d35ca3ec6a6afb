#!/usr/bin/env bash
# nodejs-polars 0.26.1 (JavaScript) takes and gives whole numbers of 64 bits as BigInt, and has the types of Polars.
# Expected: a number is kept, or is an error where its type cannot hold it, as in Polars for Python.
# Seen: there is no error.  A negative BigInt loses its sign.  BigInts are null by the type Int64, and plain numbers by
# UInt64.  By UInt32 numbers wrap, by Int8 they are null, and NaN is 0 by Int64.  A column of Int64 from JSON is rounded
# where it is read.  Of a large unsigned number the sum is 0 and the first value -1.  A value of another type than the
# first one is null, as is 1 for true:
#   [-5n, 1n]                                5, 1
#   [5n, 1n], Int64                          null, null
#   [5, 1], UInt64                           null, null
#   [5000000000, -1], UInt32                 705032704, 4294967295
#   [200, 5], Int8                           null, 5
#   [5, NaN, 1.9], Int64                     5, 0, 1
#   9007199254740993 in JSON                 9007199254740992
#   [18446744073709551615n, 1n]              sum 0, first -1
#   ["115.1", 115], [1, 0] by Bool           "115.1" and null, null and null
# Needs Linux on x86-64, Node.js 20 or newer and npm.  The package of the platform is named, because npm leaves it out
# for Node.js 20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund nodejs-polars@0.26.1 nodejs-polars-linux-x64-gnu@0.26.1 >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const polars = require("nodejs-polars");

const shown = (value) => (typeof value === "bigint" ? `${value}n` : String(value));
const show = (name, values) => console.log(`${name} | ${values.map(shown).join(", ")}`);
const column = (values, type) => polars.Series("value", values, type).toArray();
show("kept", column([5n, 9007199254740993n]));
show("negative", column([-5n, 1n]));
show("Int64 of BigInt", column([5n, 1n], polars.Int64));
show("UInt64 of numbers", column([5, 1], polars.UInt64));
show("UInt32", column([5000000000, -1], polars.UInt32));
show("Int8", column([200, 5], polars.Int8));
show("Int64", column([5, Number.NaN, 1.9], polars.Int64));
const lines = polars.readJSON(Buffer.from('{"id":9007199254740993}\n'), { format: "lines" });
show("JSON", lines.toRecords().map(({ id }) => id));
const large = polars.Series("value", [18446744073709551615n, 1n]);
show("large, sum and first", [large.sum(), large.get(0)]);
show("texts", column(["115.1", 115]));
show("booleans", column([1, 0], polars.Bool));
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
kept | 5n, 9007199254740993n
negative | 5n, 1n
Int64 of BigInt | null, null
UInt64 of numbers | null, null
UInt32 | 705032704, 4294967295
Int8 | null, 5
Int64 | 5, 0, 1
JSON | 9007199254740992
large, sum and first | 0, -1
texts | 115.1, null
booleans | null, null
EXPECTED
echo "as described"
