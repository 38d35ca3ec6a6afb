#!/usr/bin/env bash
# @tidyjs/tidy 2.6.1 (JavaScript) summarises, joins and pivots tables, after the example of tidyr and dplyr for R.
# Expected: the sum and the mean are of the same values.  Two columns of one name stay apart after a join, as they do in
# R.  Values are equal in a join where they are one group.  A pivot keeps all values, or warns.
# Seen: a number that is a text is a part of the sum, the median and the variance, but not of the mean, and no
# error is raised.  A join overwrites the column of the left table where the right one has a row.  115 is joined with
# "115", but not grouped with it.  Of two values for one field the pivot keeps the last, also where the names differ:
#   10, "50" and 30                                sum 90, median 30, variance 400, mean 20
#   5 and 6 pings, joined with a table of pings    9 and 6
#   115 and "115"                                  1 row each of a join, 2 groups
#   start_time + p50 1, and start + time_p50 2     one column start_time_p50, 2
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @tidyjs/tidy@2.6.1 >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const {
  count, innerJoin, leftJoin, mean, median, pivotWider, sum, summarize, tidy, variance,
} = require("@tidyjs/tidy");

const show = (name, rows) => console.log(name, JSON.stringify(rows));
const tabs = [{ tabs: 10 }, { tabs: "50" }, { tabs: 30 }];
const all = { sum: sum("tabs"), median: median("tabs"), variance: variance("tabs"), mean: mean("tabs") };
show("summary", tidy(tabs, summarize(all)));
const [started, crashed] = [[{ id: 1, pings: 5 }, { id: 2, pings: 6 }], [{ id: 1, pings: 9 }]];
show("join", tidy(started, leftJoin(crashed, { by: "id" })));
const versions = [{ version: 115 }, { version: "115" }];
show("versions", tidy(versions, innerJoin([{ version: 115, esr: true }], { by: "version" })));
show("groups", tidy(versions, count("version")));
const values = [
  { os: "Linux", metric: "start_time", part: "p50", value: 1 },
  { os: "Linux", metric: "start", part: "time_p50", value: 2 },
];
show("pivot", tidy(values, pivotWider({ namesFrom: ["metric", "part"], valuesFrom: "value" })));
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
summary [{"sum":90,"median":30,"variance":400,"mean":20}]
join [{"id":1,"pings":9},{"id":2,"pings":6}]
versions [{"version":115,"esr":true},{"version":115,"esr":true}]
groups [{"version":115,"n":1},{"version":"115","n":1}]
pivot [{"os":"Linux","start_time_p50":2}]
EXPECTED
echo "as described"
