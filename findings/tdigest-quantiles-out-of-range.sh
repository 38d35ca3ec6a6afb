#!/usr/bin/env bash
# tdigest 0.5.2.2 (Python) is asked for quantiles of five times, four of 20 ms and one of 5,000 ms.
# Expected: 20 up to 0.75, or at least nothing less than the least time.
# Seen: a straight line is drawn through the centroid of the four equal times with a slope that its neighbour sets, and
# its lower end is not held to the minimum, so that the quantiles are negative times, without an error.  tdigest 0.1.3
# of npm and fastdigest 0.12.0 stay in range:
#                        0.1    0.25     0.5    0.75
#   tdigest, Python    -2968   -1474    1016    3506
#   tdigest, npm          20      20    1016    3506
#   fastdigest            20      20      20      20
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tdigest==0.5.2.2 fastdigest==0.12.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund tdigest@0.1.3 >/dev/null
cat > digest.cjs <<'JAVASCRIPT'
const { TDigest } = require("tdigest");
const digest = new TDigest();
[20, 20, 20, 20, 5000].forEach((time) => digest.push(time));
digest.compress();
console.log(JSON.stringify(digest.percentile([0.1, 0.25, 0.5, 0.75])));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

import fastdigest
import tdigest

TIMES = [20.0, 20.0, 20.0, 20.0, 5000.0]
QUANTILES = (0.1, 0.25, 0.5, 0.75)
by_tdigest = tdigest.TDigest()
by_tdigest.batch_update(TIMES)
by_fastdigest = fastdigest.TDigest.from_values(TIMES)
node = subprocess.run(["node", "digest.cjs"], stdout=subprocess.PIPE, check=True)
seen = {
    "tdigest, Python": [by_tdigest.percentile(100 * quantile) for quantile in QUANTILES],
    "tdigest, npm": json.loads(node.stdout),
    "fastdigest": [by_fastdigest.quantile(quantile) for quantile in QUANTILES],
}
for name, values in seen.items():
    print(f"{name:<16}", *(f"{value:>7.0f}" for value in values))
rounded = {name: [round(value) for value in values] for name, values in seen.items()}
assert rounded["tdigest, Python"] == [-2968, -1474, 1016, 3506]
assert rounded["tdigest, npm"] == [20, 20, 1016, 3506]
assert rounded["fastdigest"] == [20, 20, 20, 20]
PYTHON
echo "as described"
