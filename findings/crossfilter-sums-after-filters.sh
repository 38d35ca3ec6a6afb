#!/usr/bin/env bash
# crossfilter2 1.5.4 (npm) sums a field of the pings that a filter leaves, for pages on which filters are changed.
# Expected: the sum of the pings that are left, which allFiltered() gives.
# Seen: reduceSum() subtracts what a filter takes away, so the sum keeps what those pings did to it: it is NaN where
# one of them had no such field or an infinite value, loses small values beside a large one, and is not 0 where no ping
# is left:
#   all pings          pings that are left   reduceSum()   sum of allFiltered()
#   no field, 1, 2     1, 2                  NaN           3
#   Infinity, 1, 2     1, 2                  NaN           3
#   1e17, 1, 2         1, 2                  0             3
#   0.1, 0.2, 0.3      none                  1.1e-16       0
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund crossfilter2@1.5.4
cat >seen.cjs <<'JAVASCRIPT'
const crossfilter = require("crossfilter2");

const CASES = [
  [[undefined, 1, 2], "bc"], [[Infinity, 1, 2], "bc"], [[1e17, 1, 2], "bc"], [[0.1, 0.2, 0.3], ""],
];
for (const [values, channels] of CASES) {
  const pings = crossfilter(values.map((duration, place) => ({ duration, channel: "abc"[place] })));
  const byChannel = pings.dimension((ping) => ping.channel);
  const sum = pings.groupAll().reduceSum((ping) => ping.duration);
  sum.value();
  byChannel.filterFunction((channel) => channels.includes(channel));
  const left = pings.allFiltered();
  console.log(values.join(), sum.value(), left.reduce((total, ping) => total + ping.duration, 0));
}
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
,1,2 NaN 3
Infinity,1,2 NaN 3
100000000000000000,1,2 0 3
0.1,0.2,0.3 1.1102230246251565e-16 0
EXPECTED
echo "as described"
