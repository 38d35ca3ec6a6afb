#!/usr/bin/env bash
# iso8601-duration 2.1.4 (JavaScript) reads durations, also negative ones as Temporal and Luxon write them, such as the
# time between two clocks of which one is behind.
# Expected: a negative duration is negative, or is refused, as `P-1D` is.
# Seen: a sign at the beginning is left out, and everything from a sign within the time on, without an error.  Luxon
# 3.7.2 reads them all.  The seconds of each:
#                Luxon    iso8601-duration
#   PT1H         3600     3600
#   -PT1H        -3600    3600
#   -PT1.5S      -1.5     1.5
#   PT1M-0.5S    59.5     60
#   P1DT-0.5H    84600    86400
#   P-1DT1H      -82800   error
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund iso8601-duration@2.1.4 luxon@3.7.2 >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const { parse, toSeconds } = require("iso8601-duration");
const { Duration } = require("luxon");

function seconds(text) {
  try {
    return toSeconds(parse(text));
  } catch {
    return "error";
  }
}

for (const text of ["PT1H", "-PT1H", "-PT1.5S", "PT1M-0.5S", "P1DT-0.5H", "P-1DT1H"]) {
  console.log(`${text} | ${Duration.fromISO(text).toMillis() / 1000} | ${seconds(text)}`);
}
JAVASCRIPT
TZ=UTC node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
PT1H | 3600 | 3600
-PT1H | -3600 | 3600
-PT1.5S | -1.5 | 1.5
PT1M-0.5S | 59.5 | 60
P1DT-0.5H | 84600 | 86400
P-1DT1H | -82800 | error
EXPECTED
echo "as described"
