#!/usr/bin/env bash
# mathjs 15.2.0 (npm) computes with the build identifiers of Firefox, such as 20261129093000, and with times in ms.
# Expected: the largest number, the different numbers and the median, as the numbers are all exact.
# Seen: two numbers that differ by less than the share 1e-12 are equal ("relTol", which its documentation names for
# comparisons), so that max() gives the first of them, setDistinct() loses the others, and median() and sort() leave
# them in their order.  The last digits of the answers are:
#                                         exact            mathjs
#   max(000, 015)                         015              000
#   setDistinct([000, 010, 015])          000, 010, 015    000
#   setDifference([015], [000])           015              nothing
#   sort([015, 000, 012], "asc")          000, 012, 015    015, 000, 012
#   median([015, 000, 012])               012              015
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund mathjs@15.2.0
cat >seen.cjs <<'JAVASCRIPT'
const { max, median, setDifference, setDistinct, sort } = require("mathjs");

const [FIRST, SECOND, THIRD, LAST] = [0, 10, 12, 15].map((second) => 20261129093000 + second);
console.log("max", max(FIRST, LAST));
console.log("setDistinct", ...setDistinct([FIRST, SECOND, LAST]));
console.log("setDifference", setDifference([LAST], [FIRST]).length);
console.log("sort", ...sort([LAST, FIRST, THIRD], "asc"));
console.log("median", median([LAST, FIRST, THIRD]));
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
max 20261129093000
setDistinct 20261129093000
setDifference 0
sort 20261129093015 20261129093000 20261129093012
median 20261129093015
EXPECTED
echo "as described"
