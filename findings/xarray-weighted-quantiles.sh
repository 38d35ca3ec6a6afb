#!/usr/bin/env bash
# xarray 2026.9.0 computes weighted quantiles.  The weights are the counts of a histogram: 10 clients with the value 1,
# 20 with 2 and 10 with 3.
# Expected: the quantiles of the 40 values, as numpy gives them for the repeated values, to a rounding.
# Seen: the counts are taken for the importance of three values, not for numbers of clients.  The 0.05-quantile of the
# 40 clients is 1.42, though ten have 1, and a hundred times as many clients do not change it:
#   counts                     0.05    0.25   0.5     0.75    0.95
#   10, 20, 10                 1.417   1.75   2.0     2.25    2.583
#   10, 20, 10, repeated       1.0     1.75   2.0     2.25    3.0
#   20, 10, 70                 2.159   2.5    2.87    3.0     3.0
#   20, 10, 70, repeated       1.0     2.0    3.0     3.0     3.0
#   90, 5, 5                   1.0     1.0    1.009   1.071   1.161
#   90, 5, 5, repeated         1.0     1.0    1.0     1.0     2.05
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet xarray==2026.9.0 numpy==2.4.6
cd "$folder"
cat >seen.py <<'PYTHON'
import numpy
import xarray

VALUES = [1.0, 2.0, 3.0]
SHARES = [0.05, 0.25, 0.5, 0.75, 0.95]
for counts in ([10, 20, 10], [1000, 2000, 1000], [20, 10, 70], [90, 5, 5]):
    weights = xarray.DataArray(counts, dims="bin")
    weighted = xarray.DataArray(VALUES, dims="bin").weighted(weights).quantile(SHARES)
    print(counts, "weighted", [round(float(value), 3) for value in weighted])
    repeated = numpy.quantile(numpy.repeat(VALUES, counts), SHARES)
    print(counts, "repeated", [round(float(value), 3) for value in repeated])
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
[10, 20, 10] weighted [1.417, 1.75, 2.0, 2.25, 2.583]
[10, 20, 10] repeated [1.0, 1.75, 2.0, 2.25, 3.0]
[1000, 2000, 1000] weighted [1.417, 1.75, 2.0, 2.25, 2.583]
[1000, 2000, 1000] repeated [1.0, 1.75, 2.0, 2.25, 3.0]
[20, 10, 70] weighted [2.159, 2.5, 2.87, 3.0, 3.0]
[20, 10, 70] repeated [1.0, 2.0, 3.0, 3.0, 3.0]
[90, 5, 5] weighted [1.0, 1.0, 1.009, 1.071, 1.161]
[90, 5, 5] repeated [1.0, 1.0, 1.0, 1.0, 2.05]
EXPECTED
echo "as described"
