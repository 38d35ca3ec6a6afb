#!/usr/bin/env bash
# dask 2026.8.0 (PyPI, dask.bag) computes variances of times in seconds and milliseconds, and of large counts.
# Expected: the variance that the statistics module of Python gives, to some digits.
# Seen: var() subtracts the square of the mean from the mean of the squares, both as doubles, so that for numbers from
# about 100,000,000 on the answer is 0, too large by a factor of hundreds, or negative, without an error:
#                                                           statistics      dask.bag
#   100000000.5 and 100000001.5                             0.25            0.00
#   200000000.0, ... .1, ... .2, ... .3, ... .4             0.02            8.00
#   1000000000.0, ... .1, ... .2, ... .3, ... .4            0.02            -128.00
#   1796000000123 + 0, 1, ... 9                             8.25            0.00
#   10,000 times in ms, one a second                        8333333250000   8333310296064
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dask==2026.8.0
cd "$folder"
cat >seen.py <<'PYTHON'
import statistics

import dask
import dask.bag

dask.config.set(scheduler="synchronous")
SAMPLES = [
    [100000000.5, 100000001.5],
    [200000000 + tenths / 10 for tenths in range(5)],
    [1000000000 + tenths / 10 for tenths in range(5)],
    [1796000000123 + ms for ms in range(10)],
    [1796000000000 + 1000 * second for second in range(10000)],
]
for samples in SAMPLES:
    variance = dask.bag.from_sequence(samples, npartitions=2).var().compute()
    print(f"{len(samples)} from {samples[0]}: {statistics.pvariance(samples):.2f} {variance:.2f}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
2 from 100000000.5: 0.25 0.00
5 from 200000000.0: 0.02 8.00
5 from 1000000000.0: 0.02 -128.00
10 from 1796000000123: 8.25 0.00
10000 from 1796000000000: 8333333250000.00 8333310296064.00
EXPECTED
echo "as described"
