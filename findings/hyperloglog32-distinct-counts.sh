#!/usr/bin/env bash
# hyperloglog32 1.0.0 (JavaScript) counts distinct ids in 2**n buckets, and gives its relative error with `error()`:
# 1.6 % for 4,096 buckets.
# Expected: about the number of ids, within a few times that error, as HLL 3.0.0 (Python) counts with as many buckets.
# Seen: as soon as no bucket is empty, it counts 1.44 times the number of its buckets, however many ids there are,
# without an error:
#   buckets  ids      error  hyperloglog32  HLL
#   256      100      0.065             96     110
#   256      10000    0.065            368    9190
#   256      100000   0.065            368   95167
#   4096     1000     0.016           1012    1007
#   4096     10000    0.016           9870    9886
#   4096     100000   0.016           5907   99903
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet HLL==3.0.0
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund hyperloglog32@1.0.0
cat >count.cjs <<'JAVASCRIPT'
const HyperLogLog = require("hyperloglog32");
for (const [bits, clients] of [[8, 100], [8, 10000], [8, 100000], [12, 1000], [12, 10000], [12, 100000]]) {
  const counter = HyperLogLog(bits);
  for (let number = 0; number < clients; number++) counter.add(`client-${number}`);
  console.log(2 ** bits, clients, counter.error().toFixed(3), counter.count());
}
JAVASCRIPT
cat >count.py <<'PYTHON'
from HLL import HyperLogLog

for bits, clients in ((8, 100), (8, 10000), (8, 100000), (12, 1000), (12, 10000), (12, 100000)):
    counter = HyperLogLog(bits, 1)
    for number in range(clients):
        counter.add(f"client-{number}")
    print(round(counter.cardinality()))
PYTHON
node --no-deprecation count.cjs >javascript.txt
venv/bin/python count.py >python.txt
paste -d ' ' javascript.txt python.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
256 100 0.065 96 110
256 10000 0.065 368 9190
256 100000 0.065 368 95167
4096 1000 0.016 1012 1007
4096 10000 0.016 9870 9886
4096 100000 0.016 5907 99903
EXPECTED
echo "as described"
