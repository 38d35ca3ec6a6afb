#!/usr/bin/env bash
# river 0.26.1 (Python) joins the streaming histograms of two workers: three values of one, four of another.
# Expected: `first += second` gives what `first + second` gives, as it does for the mean and the variance of river.
# Seen: `+=` appends the bins of the second histogram to the list of the first.  The count is still that of the first,
# the bins are no longer in order, and cdf() gives shares above 1, without an error:
#                  first + second  first += second
#   count                       7                3
#   share up to 1               0            0.333
#   share up to 2           0.571            0.667
#   share up to 3           0.857                2
#   share up to 4               1             2.33
# The sum of the first kind has the share 0 up to 1 as well, though two of the seven values are 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet river==0.26.1
cd "$folder"
cat >seen.py <<'PYTHON'
from river import sketch, stats


def filled(summary, values):
    for value in values:
        summary.update(value)
    return summary


def pair(new):
    return filled(new(), [1, 2, 3]), filled(new(), [1, 2, 3, 4])


first, second = pair(sketch.Histogram)
both = first + second
first += second
print("count", both.n, first.n)
for limit in (1, 2, 3, 4):
    print("share up to", limit, f"{both.cdf(limit):.3g}", f"{first.cdf(limit):.3g}")
for statistic in (stats.Mean, stats.Var):
    first, second = pair(statistic)
    both = first + second
    first += second
    print(statistic.__name__, f"{both.get():.3g}", f"{first.get():.3g}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
count 7 3
share up to 1 0 0.333
share up to 2 0.571 0.667
share up to 3 0.857 2
share up to 4 1 2.33
Mean 2.29 2.29
Var 1.24 1.24
EXPECTED
echo "as described"
