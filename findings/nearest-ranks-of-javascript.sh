#!/usr/bin/env bash
# percentile 1.6.0 and stats-percentile 3.3.0 (JavaScript) give a percentile by the nearest rank, ml-array-median 2.0.0
# gives the median, and just-percentile 4.2.0 a percentile between two values.
# Expected: of 1,000 start times of which one is 60 s, the percentile 99.9 is the 999th, 0.02 s, as the rank is 999.
# The median of an even count is half way between its two middle values.  The array of the caller stays in its order.
# Seen: percentile computes the rank 999.0000000000001 and rounds it up, so that the percentile 99.9 is the maximum, and
# the 7th, 14th, 28th, 55th and 56th of 100 are one too high.  stats-percentile has no 0th.  ml-array-median gives the
# lower one of two middle values, so that the median of 0 s and 60 s is 0 s.  just-percentile sorts the array in place:
#                                   percentile   stats-percentile
#   99.9 of 1,000, one of 60 s      60           0.02
#   28 of the numbers 1 to 100      29           28
#   wrong ones of 1 to 100          5            0
#   0 of the numbers 1 to 100       1            undefined
#   ml-array-median of 0 and 60     0
#   just-percentile of 3, 1, 2      leaves 1, 2, 3
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund percentile@1.6.0 stats-percentile@3.3.0 ml-array-median@2.0.0 \
  just-percentile@4.2.0 >/dev/null
cat >seen.mjs <<'JAVASCRIPT'
import justPercentile from "just-percentile";
import * as median from "ml-array-median";
import percentile from "percentile";
import statsPercentile from "stats-percentile";

const times = [...Array(999).fill(0.02), 60];
const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
const both = [(numbers, share) => percentile(share, numbers), (numbers, share) => statsPercentile(numbers, share)];
const show = (name, ...values) => console.log([name, ...values].join(" | "));
show("99.9 of times", ...both.map((of) => of(times, 99.9)));
show("28 of 100", ...both.map((of) => of(hundred, 28)));
show("wrong", ...both.map((of) => hundred.filter((share) => of(hundred, share) !== share).join(" ") || "none"));
show("0 of 100", ...both.map((of) => of(hundred, 0)).map(String));
show("median of 0 and 60", median.default?.([0, 60]) ?? median.xMedian([0, 60]));
const numbers = [3, 1, 2];
show("percentile of 3, 1, 2", justPercentile(numbers, 0.5), numbers);
JAVASCRIPT
node seen.mjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
99.9 of times | 60 | 0.02
28 of 100 | 29 | 28
wrong | 7 14 28 55 56 | none
0 of 100 | 1 | undefined
median of 0 and 60 | 0
percentile of 3, 1, 2 | 2 | 1,2,3
EXPECTED
echo "as described"
