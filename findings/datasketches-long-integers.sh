#!/usr/bin/env bash
# datasketches 5.2.0: a KLL or REQ sketch of whole numbers gets an array of 64-bit integers, such as the nanoseconds of
# 1 to 100 seconds.
# Expected: their quantiles, or an error, as for a single number past 32 bits.
# Seen: each number of the array keeps its low 32 bits, without an error, so the quantiles are other numbers, negative
# ones among them.  kll_doubles_sketch gives those of the array:
#                            minimum       median       maximum
#   kll_ints_sketch      -2129542144    100654080    2115098112
#   req_ints_sketch      -2129542144    100654080    2115098112
#   kll_doubles_sketch    1000000000  51000000000  100000000000
#   one number, 2**31      TypeError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datasketches==5.2.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import datasketches
import numpy

nanoseconds = numpy.arange(1, 101, dtype=numpy.int64) * 1_000_000_000
seen = {}
for kind in ("kll_ints_sketch", "req_ints_sketch", "kll_doubles_sketch"):
    sketch = getattr(datasketches, kind)(200)
    sketch.update(nanoseconds)
    seen[kind] = [round(sketch.get_quantile(rank)) for rank in (0.0, 0.5, 1.0)]
    print(f"{kind:<18} {seen[kind][0]:>13} {seen[kind][1]:>12} {seen[kind][2]:>13}")
try:
    datasketches.kll_ints_sketch(200).update(2**31)
    single = "taken"
except TypeError as error:
    single = type(error).__name__
print(f"one number, 2**31  {single:>13}")
assert single == "TypeError" and seen["kll_doubles_sketch"][2] == 100_000_000_000
for kind in ("kll_ints_sketch", "req_ints_sketch"):
    assert seen[kind][0] < 0 and seen[kind][2] < 2**31, seen
PYTHON
echo "as described"
