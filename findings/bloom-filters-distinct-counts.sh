#!/usr/bin/env bash
# bloom-filters 3.0.4 (npm): HyperLogLog with 4,096 registers, whose accuracy() is 0.016, counts different client ids.
# Expected: counts within a few times 1.6 % of the truth, and those of small numbers nearly exact.
# Seen: about half of the ids is counted where there are fewer than registers, and of 5,000 too.  datasketches 5.2.0 for
# Python counts the same ids with as many registers:
#   ids     bloom-filters  datasketches
#   100                50           100
#   1000              506           995
#   5000             2463          5013
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datasketches==5.2.0 numpy==2.4.6
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund bloom-filters@3.0.4 >/dev/null
cat > count.cjs <<'JAVASCRIPT'
const { HyperLogLog } = require("bloom-filters");

const counts = [100, 1000, 5000].map((ids) => {
  const sketch = new HyperLogLog(4096);
  for (let id = 0; id < ids; id++) sketch.update(`client-${id}`);
  return Math.round(sketch.count());
});
console.log(JSON.stringify({ counts, accuracy: new HyperLogLog(4096).accuracy() }));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

import datasketches


def by_datasketches(ids):
    sketch = datasketches.hll_sketch(12)
    for number in range(ids):
        sketch.update(f"client-{number}")
    return round(sketch.get_estimate())


node = json.loads(subprocess.run(["node", "count.cjs"], stdout=subprocess.PIPE, check=True).stdout)
assert node["accuracy"] < 0.02
print("ids     bloom-filters  datasketches")
for ids, count in zip((100, 1000, 5000), node["counts"], strict=True):
    other = by_datasketches(ids)
    print(f"{ids:<7} {count:>13} {other:>13}")
    assert abs(other - ids) < 0.05 * ids and 0.45 * ids < count < 0.55 * ids
PYTHON
echo "as described"
