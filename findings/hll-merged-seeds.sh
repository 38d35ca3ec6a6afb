#!/usr/bin/env bash
# HLL 3.0.0 (PyPI) counts different clients by HyperLogLog, and merges the sketches of several days or servers.
# Expected: sketches that hash with different seeds cannot be merged, and an error says so, as it does for sketches with
# different numbers of registers.
# Seen: they are merged without an error, and one set of clients is counted up to twice:
#   100 clients, p 12 and seed 1 with p 12 and seed 1: 99
#   100 clients, p 12 and seed 1 with p 12 and seed 2: 198
#   100 clients, p 12 and seed 1 with p 11 and seed 1: ValueError: Unequal sizes
#   1000 clients, p 12 and seed 1 with p 12 and seed 1: 1005
#   1000 clients, p 12 and seed 1 with p 12 and seed 2: 1966
#   1000 clients, p 12 and seed 1 with p 11 and seed 1: ValueError: Unequal sizes
#   100000 clients, p 12 and seed 1 with p 12 and seed 1: 100181
#   100000 clients, p 12 and seed 1 with p 12 and seed 2: 194271
#   100000 clients, p 12 and seed 1 with p 11 and seed 1: ValueError: Unequal sizes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet HLL==3.0.0
cd "$folder"
cat >seen.py <<'PYTHON'
from HLL import HyperLogLog


def sketch_of(p, seed, clients):
    sketch = HyperLogLog(p, seed=seed)
    for client in range(clients):
        sketch.add(f"client {client}")
    return sketch


for clients in (100, 1000, 100000):
    for p, seed in ((12, 1), (12, 2), (11, 1)):
        sketch = sketch_of(12, 1, clients)
        try:
            sketch.merge(sketch_of(p, seed, clients))
            seen = round(sketch.cardinality())
        except ValueError as error:
            seen = f"ValueError: {error}"
        print(f"{clients} clients, p 12 and seed 1 with p {p} and seed {seed}: {seen}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
100 clients, p 12 and seed 1 with p 12 and seed 1: 99
100 clients, p 12 and seed 1 with p 12 and seed 2: 198
100 clients, p 12 and seed 1 with p 11 and seed 1: ValueError: Unequal sizes
1000 clients, p 12 and seed 1 with p 12 and seed 1: 1005
1000 clients, p 12 and seed 1 with p 12 and seed 2: 1966
1000 clients, p 12 and seed 1 with p 11 and seed 1: ValueError: Unequal sizes
100000 clients, p 12 and seed 1 with p 12 and seed 1: 100181
100000 clients, p 12 and seed 1 with p 12 and seed 2: 194271
100000 clients, p 12 and seed 1 with p 11 and seed 1: ValueError: Unequal sizes
EXPECTED
echo "as described"
