#!/usr/bin/env bash
# measured-core 2.0.0 (JavaScript) measures rates by a Meter and values by a Histogram.
# Expected: 10 events a second are a rate of 10 for each tickInterval, the time between two averages.
# mark(0) counts nothing.  weightedPercentiles() of the numbers 1 to 1000, all of one moment, are 500 and 950.
# Seen: the averages are updated every five seconds for each tickInterval, so the rate is wrong by the quotient of both.
# mark(0) counts one event.  The weight of a value holds the random number that chose it, so that the weighted
# percentiles are others for other random numbers, though all thousand values are kept and are equally old:
#   rate of 10 a second, tickInterval 1000 ms   50
#   rate of 10 a second, tickInterval 5000 ms   10
#   rate of 10 a second, tickInterval 10000 ms  5
#   mark(0), 3 times                            3
#   median and 0.95-quantile, as usual          500.5  950.95
#   the same, weighted, for three seeds         582  890;  541  895;  440  923
# Needs Node.js 20.4 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund measured-core@2.0.0
cat >seen.js <<'JAVASCRIPT'
const { mock } = require("node:test");
const { ExponentiallyDecayingSample, Histogram, Meter } = require("measured-core");

// Four hours pass at once: the meters take their turns from this clock.
mock.timers.enable({ apis: ["setInterval"] });
for (const tickInterval of [1000, 5000, 10000]) {
  const meter = new Meter({ tickInterval });
  for (let second = 0; second < 4 * 3600; second++) {
    meter.mark(10);
    mock.timers.tick(1000);
  }
  console.log("rate", tickInterval, meter.toJSON()["1MinuteRate"].toFixed(2));
  meter.end();
}

const meter = new Meter();
for (let times = 0; times < 3; times++) meter.mark(0);
console.log("marked with 0", meter.toJSON().count);
meter.end();

function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

const { weightedPercentiles } = Histogram.prototype;
for (const percentilesMethod of [undefined, weightedPercentiles]) {
  for (const seed of [1, 2, 5]) {
    const sample = new ExponentiallyDecayingSample({ random: randomNumbers(seed) });
    // No weight by age, so that a slow machine sees the same.
    sample._weight = () => 1;
    const histogram = new Histogram({ sample, percentilesMethod });
    for (let value = 1; value <= 1000; value++) histogram.update(value);
    const { count, median, p95 } = histogram.toJSON();
    console.log(percentilesMethod ? "weighted" : "as usual", seed, count, median.toFixed(2), p95.toFixed(2));
  }
}
JAVASCRIPT
node --no-warnings seen.js >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
rate 1000 50.00
rate 5000 10.00
rate 10000 5.00
marked with 0 3
as usual 1 1000 500.50 950.95
as usual 2 1000 500.50 950.95
as usual 5 1000 500.50 950.95
weighted 1 1000 582.00 890.00
weighted 2 1000 541.00 895.00
weighted 5 1000 440.00 923.00
EXPECTED
echo "as described"
