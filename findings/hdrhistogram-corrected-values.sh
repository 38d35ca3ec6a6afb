#!/usr/bin/env bash
# hdrhistogram 0.10.8 (Python) and hdr-histogram-js 3.0.1 (JavaScript) count times in one kind of histogram.
# record_corrected_value() adds the times of requests that could not start, because one took longer than the interval
# between two of them.
# Expected: both count the same.  100 requests of 110 ms, one each 100 ms, hold up no whole interval, as JavaScript has
# it.  The smallest time stays the same where an empty histogram is added, and the sum starts with its first part.
# Seen: Python adds the rest of each division, here 10 ms, so that half of the times are shorter than each real one.
# A histogram without values counts as one with a 0 in the smallest time, and in the start of the sum.  Counts of 16
# bits begin anew after 65,535 without an error, so that 80,000 times have a median of 0; add() of the same is an error:
#                                                  Python           JavaScript
#   100 times 110 ms, interval 100 ms: count       200              100
#   the same, median                               10               110
#   20 ms, and an empty histogram: smallest        0                20
#   parts that start at 5000 and 7000: start       0                5000
#   70,000 times 20 and 10,000 times 5000, 16 bits, median   0      0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet hdrhistogram==0.10.8
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund hdr-histogram-js@3.0.1
cat >seen.py <<'PYTHON'
from hdrh.histogram import HdrHistogram


def build(**options):
    return HdrHistogram(1, 3_600_000, 3, **options)


slow = build()
for _ in range(100):
    slow.record_corrected_value(110, 100)
print("corrected:", slow.get_total_count(), slow.get_value_at_percentile(50))

part = build()
part.record_value(20)
part.add(build())
print("smallest:", part.get_min_value())

total = build()
for start in (5000, 7000):
    part = build()
    part.set_start_time_stamp(start)
    part.record_value(20)
    total.add(part)
print("start:", total.get_start_time_stamp())

small = build(word_size=2)
for value, times in ((20, 70_000), (5000, 10_000)):
    for _ in range(times):
        small.record_value(value)
print("16 bits:", small.get_total_count(), small.get_value_at_percentile(50))
PYTHON
cat >seen.js <<'JAVASCRIPT'
const hdr = require("hdr-histogram-js");

function build(options) {
  const limits = { lowestDiscernibleValue: 1, highestTrackableValue: 3600000, numberOfSignificantValueDigits: 3 };
  return hdr.build({ ...limits, ...options });
}

const slow = build();
for (let times = 0; times < 100; times++) slow.recordValueWithExpectedInterval(110, 100);
console.log("corrected:", slow.totalCount, slow.getValueAtPercentile(50));

let part = build();
part.recordValue(20);
part.add(build());
console.log("smallest:", part.minNonZeroValue);

const total = build();
for (const start of [5000, 7000]) {
  part = build();
  part.startTimeStampMsec = start;
  part.recordValue(20);
  total.add(part);
}
console.log("start:", total.startTimeStampMsec);

const small = build({ bitBucketSize: 16 });
for (const [value, times] of [[20, 70000], [5000, 10000]]) {
  for (let time = 0; time < times; time++) small.recordValue(value);
}
console.log("16 bits:", small.totalCount, small.getValueAtPercentile(50));
JAVASCRIPT
(
  echo Python
  venv/bin/python seen.py
  echo JavaScript
  node seen.js
) >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
Python
corrected: 200 10
smallest: 0
start: 0
16 bits: 80000 0
JavaScript
corrected: 100 110
smallest: 20
start: 5000
16 bits: 80000 0
EXPECTED
echo "as described"
