#!/usr/bin/env bash
# ewma 2.0.1 and moving-average 1.0.1 (JavaScript) keep an average that forgets with time.
# Expected: each value has a part in the average, and the average lies between the smallest and the largest value.
# Seen: a value weighs as much as time has passed since the last one.  So of values in one millisecond the first alone
# counts: one request of 10 ms and 99 of 1000 ms give 10 in the one order, and 1000 in the other.  After a long pause
# the average is the next value alone.  A time before the last one, as from a clock that was set back, gives an average
# above all values.  There is no error:
#                                          ewma   moving-average
#   10, then 99 times 1000, at once        10     10
#   1000, then 99 times 10, at once        1000   1000
#   60 times 10, a pause of 9 min, 1000    1000   1000
#   10 at 60 s, 20 at 61 s, 12 at 59 s     24     43.9
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund ewma@2.0.1 moving-average@1.0.1 >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const Ewma = require("ewma");
const createAverage = require("moving-average");

const START = Date.UTC(2026, 10, 30, 10);

function averages(values) {
  let now = START;
  const first = new Ewma(1000, 0, { now: () => now });
  const second = createAverage(1000);
  for (const [seconds, value] of values) {
    now = START + seconds * 1000;
    first.insert(value);
    second.push(now, value);
  }
  return [first.value(), second.movingAverage()].map((average) => average.toFixed(1)).join(" | ");
}

const burst = (first, later) => [[60, first], ...Array(99).fill([60, later])];
console.log("slow ones later |", averages(burst(10, 1000)));
console.log("slow one first |", averages(burst(1000, 10)));
console.log("after a pause |", averages([...Array.from({ length: 60 }, (_, second) => [second, 10]), [600, 1000]]));
console.log("clock set back |", averages([[60, 10], [61, 20], [59, 12]]));
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
slow ones later | 10.0 | 10.0
slow one first | 1000.0 | 1000.0
after a pause | 1000.0 | 1000.0
clock set back | 24.0 | 43.9
EXPECTED
echo "as described"
