#!/usr/bin/env bash
# pandas 3.1.1: the maximum, sum and mean of a window over a column with an infinite value, such as a count divided by
# 0 s.
# Expected: infinity, as max(), cummax() and sum() of the column give it.
# Seen: rolling(), expanding() and ewm() leave infinite values out as if they were absent, without a warning; count()
# does count them.  Of 1, inf, 3:
#   cummax()                  1    inf   inf
#   expanding().max()         1    1     3
#   expanding().sum()         1    1     4
#   expanding().mean()        1    1     2
#   expanding().count()       1    2     3
#   rolling(2).max()          NaN  NaN   NaN
#   ewm(alpha=0.5).mean()     1    1     2.6
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pandas==3.1.1
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen.txt
import math

import pandas

column = pandas.Series([1.0, math.inf, 3.0])
answers = {
    "cummax()": column.cummax(),
    "expanding().max()": column.expanding().max(),
    "expanding().sum()": column.expanding().sum(),
    "expanding().mean()": column.expanding().mean(),
    "expanding().count()": column.expanding().count(),
    "rolling(2).max()": column.rolling(2).max(),
    "ewm(alpha=0.5).mean()": column.ewm(alpha=0.5).mean(),
}
for name, answer in answers.items():
    print(name, *[f"{value:g}" for value in answer])
PYTHON
diff seen.txt - <<'EXPECTED'
cummax() 1 inf inf
expanding().max() 1 1 3
expanding().sum() 1 1 4
expanding().mean() 1 1 2
expanding().count() 1 2 3
rolling(2).max() nan nan nan
ewm(alpha=0.5).mean() 1 1 2.6
EXPECTED
echo "as described"
