#!/usr/bin/env bash
# boost-histogram 1.8.1 (Python) keeps the mean of a measurement in each bin.  100 clients are in one bin; their times
# have the standard deviation 2.01.  Its documentation calls variances() the variance of the samples, and gives the
# error of the mean as sqrt(variances / counts), also with weights.
# Expected: about 0.2 by that formula, whatever common factor the weights have, as each client is as good as before.
# Seen: variances() has been divided already, so that the documented formula gives a tenth of the error.  With weights
# it was divided by their sum, not by the effective number of entries, so that its root depends on their common factor
# too:
#                       counts  sqrt(variances / counts)  sqrt(variances)
#   without weights        100                    0.0201            0.201
#   all weights 1          100                    0.0201            0.201
#   all weights 10         100                   0.00636           0.0636
#   all weights 0.01       100                     0.201             2.01
#   by hand: standard deviation / sqrt(100)        0.201
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet boost-histogram==1.8.1 numpy==2.4.6
cd "$folder"
cat >seen.py <<'PYTHON'
import boost_histogram
import numpy

TIMES = numpy.tile([8.0, 12.0], 50)

WEIGHTS = {"without weights": None, "all weights 1": 1, "all weights 10": 10, "all weights 0.01": 0.01}

for name, weight in WEIGHTS.items():
    mean = boost_histogram.storage.Mean if weight is None else boost_histogram.storage.WeightedMean
    histogram = boost_histogram.Histogram(boost_histogram.axis.Regular(1, 0, 1), storage=mean())
    weights = None if weight is None else numpy.full(100, weight)
    histogram.fill(numpy.full(100, 0.5), sample=TIMES, weight=weights)
    variance, count = histogram.variances()[0], histogram.counts()[0]
    print(f"{name}: {count:g} {(variance / count) ** 0.5:.3g} {variance**0.5:.3g}")
print(f"by hand: {TIMES.std(ddof=1) / 10:.3g}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
without weights: 100 0.0201 0.201
all weights 1: 100 0.0201 0.201
all weights 10: 100 0.00636 0.0636
all weights 0.01: 100 0.201 2.01
by hand: 0.201
EXPECTED
echo "as described"
