#!/usr/bin/env bash
# mozanalysis 2026.10.1 (Python, Mozilla) computes how many clients a branch needs to show that a share of clients has
# risen by a tenth, from 100,000 clients of the past.  The power is 0.9, alpha is 0.05.
# Expected: the number that statsmodels 0.15.0 gives for these two shares, with which mozanalysis computes.  It is
# larger for rarer events.
# Seen: from a share of 0.5 % on downwards the number is a seventh of that.  The default `outlier_percentile=99.5` takes
# all clients with the event for outliers, so that the share is 0, without an error.  For other shares it is a tenth too
# large, as the share with the rise is given where statsmodels asks for the one without it:
#   share  statsmodels  mozanalysis  with outlier_percentile=100
#   0.1          19747        21386                        21386
#   0.01        218337       238889                       238889
#   0.006       365441       400003                       400003
#   0.005       438993        62995                       480560
#   0.001      2204240       315173                      2413926
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mozanalysis==2026.10.1 statsmodels==0.15.0
cd "$folder"
cat >seen.py <<'PYTHON'
from types import SimpleNamespace

import numpy
import pandas
from mozanalysis.frequentist_stats.sample_size import difference_of_proportions_sample_size_calc
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

CLIENTS = 100_000
METRICS = [SimpleNamespace(name="crashed")]

for share in (0.1, 0.01, 0.006, 0.005, 0.001):
    frame = pandas.DataFrame({"crashed": (numpy.arange(CLIENTS) < round(share * CLIENTS)).astype(int)})
    expected = samplesize_proportions_2indep_onetail(diff=share / 10, prop2=share, power=0.9, alpha=0.05)
    sizes = [
        difference_of_proportions_sample_size_calc(
            frame, METRICS, effect_size=share / 10, power=0.9, alpha=0.05, **options
        )["crashed"]["sample_size_per_branch"]
        for options in ({}, {"outlier_percentile": 100})
    ]
    print(share, *(round(size) for size in [expected, *sizes]))
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
0.1 19747 21386 21386
0.01 218337 238889 238889
0.006 365441 400003 400003
0.005 438993 62995 480560
0.001 2204240 315173 2413926
EXPECTED
echo "as described"
