#!/usr/bin/env bash
# boost-histogram 1.8.1 (Python) counts four clients with the weights 0.9, 0.9, 1.5 and 10, once in each kind of storage
# that has one number in a bin.  The first two are in one bin.
# Expected: 1.8, 1.5 and 10, or an error from the storages of whole numbers, as NumPy gives one for `counts += weights`.
# Seen: Int64 and AtomicInt64 cut each weight to a whole number, without an error, so that a client with a weight below
# 1 is lost.  They cut numbers that are assigned to a bin as well:
#   Double        1.8  1.5  10   assigned: 2.7
#   Unlimited     1.8  1.5  10   assigned: 2.7
#   Int64           0    1  10   assigned: 2
#   AtomicInt64     0    1  10   assigned: 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet boost-histogram==1.8.1 numpy==2.4.6
cd "$folder"
cat >seen.py <<'PYTHON'
import boost_histogram
import numpy

for name in ("Double", "Unlimited", "Int64", "AtomicInt64"):
    storage = getattr(boost_histogram.storage, name)()
    histogram = boost_histogram.Histogram(boost_histogram.axis.Regular(3, 0, 3), storage=storage)
    histogram.fill([0.5, 0.5, 1.5, 2.5], weight=[0.9, 0.9, 1.5, 10])
    filled = [f"{value:g}" for value in histogram.values()]
    histogram[0] = 2.7
    print(name, *filled, "assigned:", f"{histogram.values()[0]:g}")
counts = numpy.zeros(3, dtype="int64")
try:
    counts += [0.9, 0.9, 1.5]
except TypeError as error:
    print("NumPy", type(error).__name__)
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
Double 1.8 1.5 10 assigned: 2.7
Unlimited 1.8 1.5 10 assigned: 2.7
Int64 0 1 10 assigned: 2
AtomicInt64 0 1 10 assigned: 2
NumPy UFuncTypeError
EXPECTED
echo "as described"
