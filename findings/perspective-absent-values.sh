#!/usr/bin/env bash
# @perspective-dev/client 5.5.1 (JavaScript, Node.js) aggregates the times 1, 2, 4 and 10 of a group, with one ping more
# that has none.
# Expected: an absent value is left out, as it is in SQL and pandas, or all aggregates have none.
# Seen: `sum`, `mean`, `min` and `stddev` leave it out.  `max` is null, while `min` is 1.  `low` and the product are 0,
# and `high` is 0 where all values are negative.  The median and the quartiles are those of five values.  There is no
# error:
#                    without   with one absent value
#   sum              17        17
#   mean             4.25      4.25
#   min              1         1
#   max              10        null
#   high             10        10
#   low              1         0
#   median           3         4
#   q3               7         10
#   mul              80        0
#   count            4         5
#   distinct count   4         5
#   high of -5, -2   -2        0
# Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @perspective-dev/client@5.5.1 >/dev/null
cat >seen.mjs <<'JAVASCRIPT'
import perspective from "@perspective-dev/client/node";

async function aggregate(values, name) {
  const table = await perspective.table({ channel: "string", time: "float" });
  await table.update(values.map((time) => ({ channel: "esr", time })));
  const view = await table.view({ group_by: ["channel"], columns: ["time"], aggregates: { time: name } });
  const [, group] = await view.to_json();
  return group.time;
}

for (const name of [
  "sum", "mean", "min", "max", "high", "low", "median", "q3", "mul", "count", "distinct count",
]) {
  const [without, present] = [await aggregate([1, 2, 4, 10], name), await aggregate([1, 2, null, 4, 10], name)];
  console.log(`${name} | ${without} | ${present}`);
}
console.log(`high of -5, -2 | ${await aggregate([-5, -2], "high")} | ${await aggregate([-5, null, -2], "high")}`);
process.exit(0);
JAVASCRIPT
node seen.mjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
sum | 17 | 17
mean | 4.25 | 4.25
min | 1 | 1
max | 10 | null
high | 10 | 10
low | 1 | 0
median | 3 | 4
q3 | 7 | 10
mul | 80 | 0
count | 4 | 5
distinct count | 4 | 5
high of -5, -2 | -2 | 0
EXPECTED
echo "as described"
