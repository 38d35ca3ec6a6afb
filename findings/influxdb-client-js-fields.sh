#!/usr/bin/env bash
# @influxdata/influxdb-client 1.35.0 (npm) writes fields of points.  Each method takes a value of any type, by its
# declaration, and the methods for numbers refuse what they cannot read, such as "abc".
# Expected: the value that was given, or an error.
# Seen: long integers are rounded, also as BigInt, which holds them.  A text is read as far as it looks like a number,
# by rules that differ between the methods, and the text "false" is written as true.  An empty text becomes a field
# without a number, which line protocol does not have.  There is no error:
#   method          value                 written
#   intField        "115"                 115i
#   intField        "abc"                 an error
#   intField        9007199254740993n     9007199254740992i
#   intField        "9007199254740993"    9007199254740992i
#   uintField       "9007199254740993"    9007199254740993u
#   intField        "1e3"                 1i
#   floatField      "1e3"                 1000
#   intField        "0x10"                16i
#   floatField      "0x10"                0
#   floatField      "1,000"               1
#   floatField      "5 tabs"              5
#   uintField       ""                    u
#   booleanField    "false"               T
#   booleanField    "0"                   T
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @influxdata/influxdb-client@1.35.0 >/dev/null
cat > write.cjs <<'JAVASCRIPT'
const assert = require("assert");
const { Point } = require("@influxdata/influxdb-client");
// The method, the value, and the field of the line, or null for an error.
const WANTED = [
  ["intField", "115", "115i"],
  ["intField", "abc", null],
  ["intField", 9007199254740993n, "9007199254740992i"],
  ["intField", "9007199254740993", "9007199254740992i"],
  ["uintField", "9007199254740993", "9007199254740993u"],
  ["intField", "1e3", "1i"],
  ["floatField", "1e3", "1000"],
  ["intField", "0x10", "16i"],
  ["floatField", "0x10", "0"],
  ["floatField", "1,000", "1"],
  ["floatField", "5 tabs", "5"],
  ["uintField", "", "u"],
  ["booleanField", "false", "T"],
  ["booleanField", "0", "T"],
];
console.log("method".padEnd(15), "value".padEnd(21), "written");
for (const [method, value, wanted] of WANTED) {
  let written = null;
  try {
    const line = new Point("ping")[method]("value", value).timestamp("1").toString();
    [, written] = line.match(/^ping value=(\S*) 1$/);
  } catch (error) {
    assert.match(error.message, /invalid/);
  }
  const shown = typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
  console.log(method.padEnd(15), shown.padEnd(21), written ?? "an error");
  assert.strictEqual(written, wanted);
}
JAVASCRIPT
node write.cjs
echo "as described"
