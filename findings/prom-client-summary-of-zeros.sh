#!/usr/bin/env bash
# prom-client 15.1.3: a Summary observes 990 zeros and the numbers 1 to 10, as of errors or dropped frames.
# Expected: the quantiles up to 0.98 are 0, or nearly.
# Seen: the zeros are one centroid of its t-digest (tdigest 0.1.3), and a straight line is drawn from it to the next
# one, so the quantiles grow evenly to 1, through fractions that were never observed.  tdigest 0.5.2.2 for Python does
# the same.  fastdigest 0.12.0 and crick 0.0.8, t-digests too, give 0:
#                        0.5     0.9    0.98   0.995
#   prom-client        0.010   0.817   0.979   5.500
#   tdigest, Python    0.010   0.817   0.979   5.500
#   fastdigest         0.000   0.000   0.000   5.005
#   crick              0.000   0.000   0.000   5.500
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tdigest==0.5.2.2 fastdigest==0.12.0 crick==0.0.8 numpy==2.4.6
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund prom-client@15.1.3 tdigest@0.1.3 >/dev/null
cat > summary.mjs <<'JAVASCRIPT'
import client from "prom-client";

const percentiles = [0.5, 0.9, 0.98, 0.995];
const summary = new client.Summary({ name: "errors", help: "An example.", percentiles, registers: [] });
for (const value of [...Array(990).fill(0), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) summary.observe(value);
const { values } = await summary.get();
console.log(JSON.stringify(values.filter(({ labels }) => "quantile" in labels).map(({ value }) => value)));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

import crick
import fastdigest
import tdigest

ERRORS = [0.0] * 990 + [float(number) for number in range(1, 11)]
QUANTILES = (0.5, 0.9, 0.98, 0.995)
by_tdigest = tdigest.TDigest()
by_tdigest.batch_update(ERRORS)
by_fastdigest = fastdigest.TDigest.from_values(ERRORS)
by_crick = crick.TDigest()
by_crick.update(ERRORS)
node = subprocess.run(["node", "summary.mjs"], stdout=subprocess.PIPE, check=True)
seen = {
    "prom-client": json.loads(node.stdout),
    "tdigest, Python": [by_tdigest.percentile(100 * quantile) for quantile in QUANTILES],
    "fastdigest": [by_fastdigest.quantile(quantile) for quantile in QUANTILES],
    "crick": [float(by_crick.quantile(quantile)) for quantile in QUANTILES],
}
for name, values in seen.items():
    print(f"{name:<16}", *(f"{value:>7.3f}" for value in values))
for name in ("prom-client", "tdigest, Python"):
    median, p90, p98, _ = seen[name]
    assert 0 < median < 0.1 and 0.8 < p90 < 0.9 and 0.9 < p98 < 1
for name in ("fastdigest", "crick"):
    assert seen[name][:3] == [0, 0, 0]
PYTHON
echo "as described"
