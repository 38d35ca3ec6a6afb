#!/usr/bin/env bash
# data-forge 1.10.5 (JavaScript) groups rows, pivots them and joins tables.
# Expected: two values are one where they are equal.  A row is in the outer join once, with its partner or without one.
# Seen: the values are compared as texts, without an error.  `groupBy()` takes all objects for one, all times of a
# second, and lists whose texts are equal.  `pivot()` adds up null and "null".  `joinOuter()` finds a partner by the
# text, and then gives both rows once more without one:
#   groups of {os: "Linux"}, {os: "Windows"}, {os: "Windows"}   3 rows in one
#   groups of ["esr", "a,b"] and ["esr,a", "b"]                 2 rows in one
#   groups of 10:00:00.100, 10:00:00.900 and 10:00:01.000       2 and 1
#   groups of null, "null", 1 and "1"                           2 and 2
#   pivot of null 5 and "null" 6                                null 11
#   outer join of the keys 115 and "115"                        3 rows: the pair, and each row alone
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund data-forge@1.10.5 >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const { DataFrame, Series } = require("data-forge");

const sizes = (keys) => new Series(keys).groupBy((key) => key).select((group) => group.count()).toArray();
const show = (name, value) => console.log(name, JSON.stringify(value));
show("objects", sizes([{ os: "Linux" }, { os: "Windows" }, { os: "Windows" }]));
show("lists", sizes([["esr", "a,b"], ["esr,a", "b"]]));
show("times", sizes(["10:00:00.100", "10:00:00.900", "10:00:01"].map((time) => new Date(`2026-11-30T${time}Z`))));
show("scalars", sizes([null, "null", 1, "1"]));
const counts = new DataFrame([{ channel: null, pings: 5 }, { channel: "null", pings: 6 }]);
show("pivot", counts.pivot("channel", "pings", (pings) => pings.sum()).toArray());
const starts = new DataFrame([{ version: 115, starts: 7 }]);
const crashes = new DataFrame([{ version: "115", crashes: 2 }]);
const joined = starts.joinOuter(
  crashes, (row) => row.version, (row) => row.version, (left, right) => [left?.starts ?? null, right?.crashes ?? null],
);
show("outer join", joined.toArray());
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
objects [3]
lists [2]
times [2,1]
scalars [2,2]
pivot [{"channel":null,"pings":11}]
outer join [[7,null],[7,2],[null,2]]
EXPECTED
echo "as described"
