#!/usr/bin/env bash
# stats-lite 2.2.0 and fast-stats 0.0.7 (JavaScript) compute quantiles and deviations of lists of numbers.
# Expected: a quantile lies between the smallest and the largest number.  The deviation does not change if the same is
# added to each number.
# Seen: stats-lite continues the line below the smallest number, so that quantiles of positive times are negative.
# fast-stats computes the deviation from the sum of squares, whose last digits a large number takes: the deviation of
# moments is 0 or twenty times as large.  numpy 2.4.6 gives the numbers that were expected:
#                                                   numpy     seen
#   stats-lite, 0.01-quantile of 1, 1000            10.99     -478.52
#   stats-lite, 0.05-quantile of 20, 25, 30, 5000   20.75     18.5
#   fast-stats, deviation of 4, 7, 13, 16           4.74      4.74
#   fast-stats, the same plus 1,000,000,000         4.74      0
#   fast-stats, 1,000 moments, 10 ms apart, in ms   2886.75   58117.98
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund stats-lite@2.2.0 fast-stats@0.0.7
cat >seen.js <<'JAVASCRIPT'
const { percentile, stdev } = require("stats-lite");
const { Stats } = require("fast-stats");

for (const [share, numbers] of [[0.01, [1, 1000]], [0.05, [20, 25, 30, 5000]], [0.5, [20, 25, 30, 5000]]]) {
  console.log(share, JSON.stringify(numbers), percentile(numbers, share).toFixed(2));
}
const SHORT = [4, 7, 13, 16];
const MOMENTS = Array.from({ length: 1000 }, (_, step) => 1795928767000 + step * 10);
for (const numbers of [SHORT, SHORT.map((number) => number + 1e9), MOMENTS]) {
  console.log(numbers[0], new Stats().push(numbers).stddev().toFixed(2), stdev(numbers).toFixed(2));
}
JAVASCRIPT
cat >expected.py <<'PYTHON'
import numpy

for share, numbers in ((0.01, [1, 1000]), (0.05, [20, 25, 30, 5000]), (0.5, [20, 25, 30, 5000])):
    print(share, numbers, f"{numpy.quantile(numbers, share):.2f}")
short = numpy.array([4, 7, 13, 16])
for numbers in (short, short + 10**9, 1795928767000 + numpy.arange(1000) * 10):
    print(numbers[0], f"{numbers.std():.2f}")
PYTHON
(
  venv/bin/python expected.py
  node seen.js
) >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
0.01 [1, 1000] 10.99
0.05 [20, 25, 30, 5000] 20.75
0.5 [20, 25, 30, 5000] 27.50
4 4.74
1000000004 4.74
1795928767000 2886.75
0.01 [1,1000] -478.52
0.05 [20,25,30,5000] 18.50
0.5 [20,25,30,5000] 27.50
4 4.74 4.74
1000000004 0.00 4.74
1795928767000 58117.98 2886.75
EXPECTED
echo "as described"
