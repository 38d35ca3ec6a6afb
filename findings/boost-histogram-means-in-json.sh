#!/usr/bin/env bash
# boost-histogram 1.8.1 (Python) writes a histogram of means as JSON of UHI 1.2.1, as its documentation shows, and reads
# it back.  The first bin has the times 10, 20 and 30, the second has 10 alone, the third has none.  Then 20 and 30 are
# filled into the second and the third bin of both.
# Expected: the histogram that was read is equal to the one that was written, and stays so.
# Seen: JSON has the variance of a bin in place of the sum from which it was computed.  The variance of one value is
# NaN, and the sum is NaN when it is read.  So a bin that once had one value has no variance for good, also in a sum
# with other histograms.  With the storage for weights the same is true of a bin that was empty:
#   variances of the bins            as written       as read             sum of both
#   Mean                             33.3, 33.3, 25   33.3, nan, 25       13.3, nan, 8.33
#   WeightedMean                     33.3, 33.3, 25   33.3, nan, nan      13.3, nan, nan
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet boost-histogram==1.8.1 uhi==1.2.1 numpy==2.4.6
cd "$folder"
cat >seen.py <<'PYTHON'
import json

import boost_histogram
import uhi.io.json

for storage in (boost_histogram.storage.Mean(), boost_histogram.storage.WeightedMean()):
    written = boost_histogram.Histogram(boost_histogram.axis.Regular(3, 0, 3), storage=storage)
    written.fill([0.5, 0.5, 0.5, 1.5], sample=[10, 20, 30, 10])
    text = json.dumps(written, default=uhi.io.json.default)
    read = boost_histogram.Histogram(json.loads(text, object_hook=uhi.io.json.object_hook))
    print(type(storage).__name__, "equal:", read == written)
    for histogram in (written, read):
        histogram.fill([1.5, 1.5, 2.5, 2.5], sample=[20, 30, 20, 30])
        print("variances", *(f"{value:.3g}" for value in histogram.variances()))
    print("of the sum", *(f"{value:.3g}" for value in (written + read).variances()))
PYTHON
venv/bin/python seen.py 2>errors.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
Mean equal: False
variances 33.3 33.3 25
variances 33.3 nan 25
of the sum 13.3 nan 8.33
WeightedMean equal: False
variances 33.3 33.3 25
variances 33.3 nan nan
of the sum 13.3 nan nan
EXPECTED
echo "as described"
