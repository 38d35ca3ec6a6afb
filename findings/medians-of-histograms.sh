#!/usr/bin/env bash
# statsmodels 0.15.0, weightedstats 0.4.1, weightedcalcs 0.1.2 and wquantiles 0.6 (Python) compute the median of values
# with weights, here of the buckets of a histogram and their counts.
# Expected: the median of the samples that were counted, as numpy computes it of each value repeated by its count.
# An empty bucket between two others changes nothing.
# Seen: where half of the samples lie on either side, each library takes the values of empty buckets for samples, so
# that the median depends on buckets in which nothing was counted.  statsmodels also cuts a half off, if the values
# are whole numbers.  wquantiles gives a value that no sample has where nine of ten samples are equal:
#   values         counts   samples  statsmodels  weightedstats  weightedcalcs  wquantiles
#   1 1000         5 5        500.5        500.0          500.5          500.5       500.5
#   1 10 1000      5 0 5      500.5          5.0          505.0            5.5        10.0
#   1 10 100 1000  5 0 0 5    500.5          5.0          550.0            5.5       100.0
#   1 1000         1 9       1000.0       1000.0         1000.0         1000.0       900.1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet statsmodels==0.15.0 weightedstats==0.4.1 weightedcalcs==0.1.2 wquantiles==0.6 \
  numpy==2.4.6 pandas==3.1.1
cd "$folder"
venv/bin/python - >seen.txt <<'PYTHON'
import numpy
import pandas
import weightedcalcs
import weightedstats
import wquantiles
from statsmodels.stats.weightstats import DescrStatsW

HISTOGRAMS = [
    ([1, 1000], [5, 5]),
    ([1, 10, 1000], [5, 0, 5]),
    ([1, 10, 100, 1000], [5, 0, 0, 5]),
    ([1, 1000], [1, 9]),
]
for values, counts in HISTOGRAMS:
    samples = numpy.repeat(values, counts)
    table = pandas.DataFrame({"value": values, "count": counts})
    medians = [
        numpy.median(samples),
        DescrStatsW(numpy.array(values), numpy.array(counts)).quantile(0.5, return_pandas=False)[0],
        weightedstats.weighted_median(values, counts),
        weightedcalcs.Calculator("count").median(table, "value"),
        wquantiles.median(numpy.array(values), numpy.array(counts)),
    ]
    print(*values, "|", *counts, "|", *[f"{median:.1f}" for median in medians])
PYTHON
cat seen.txt
diff seen.txt - <<'EXPECTED'
1 1000 | 5 5 | 500.5 500.0 500.5 500.5 500.5
1 10 1000 | 5 0 5 | 500.5 5.0 505.0 5.5 10.0
1 10 100 1000 | 5 0 0 5 | 500.5 5.0 550.0 5.5 100.0
1 1000 | 1 9 | 1000.0 1000.0 1000.0 1000.0 900.1
EXPECTED
echo "as described"
