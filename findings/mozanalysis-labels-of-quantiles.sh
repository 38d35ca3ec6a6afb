#!/usr/bin/env bash
# mozanalysis 2026.10.1 (Python, Mozilla) compares the times 0 to 1000 of two branches: quantiles of the times, and the
# share of times above 900 with the bounds 0.001 and 0.999, as a correction for many comparisons needs them.
# Expected: a row for each quantile that was asked for, by its name, and those two bounds, as its documentation says.
# Seen: compare_branches_quantiles() names quantiles by one digit, so that 0.95 is the row 0.9, 0.99 is the row 1e+00
# and 0.75 the row 0.8.  Where 0.9 is asked for as well, the values of 0.9 are replaced, without an error.
# binary.compare_branches() ignores the bounds and gives its default ones.  Its sibling that gets counts heeds them:
#   asked for               rows given (with the middle of their estimate, to tens)
#   0.9                     0.9 (900)
#   0.9, 0.95               0.9 (950)
#   0.5, 0.75, 0.95, 0.99   0.5 (500), 0.8 (750), 0.9 (950), 1e+00 (990)
#   0.001, 0.999            0.005, 0.025, 0.5, 0.975, 0.995
#   0.001, 0.999, counts    0.001, 0.999
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mozanalysis==2026.10.1
cd "$folder"
cat >seen.py <<'PYTHON'
import numpy
import pandas
from mozanalysis.bayesian_stats import binary
from mozanalysis.frequentist_stats.bootstrap import compare_branches_quantiles

numpy.random.seed(1)
TIMES = list(range(1001))
frame = pandas.DataFrame({"branch": ["control"] * 1001 + ["treatment"] * 1001, "time": TIMES * 2})
frame["slow"] = frame["time"] > 900
BOUNDS = {"individual_summary_quantiles": (0.001, 0.999), "comparative_summary_quantiles": (0.001, 0.999)}

for quantiles in ([0.9], [0.9, 0.95], [0.5, 0.75, 0.95, 0.99]):
    both = compare_branches_quantiles(frame, "time", quantiles_of_interest=quantiles)
    rows = both["individual"]["control"]["0.5"]
    print(*quantiles, "gives", *(f"{name} ({round(middle, -1):g})" for name, middle in rows.items()))
compared = binary.compare_branches(frame, "slow", **BOUNDS)
print("bounds", *compared["individual"]["control"].index.drop("mean"))
compared = binary.compare_branches_from_agg(binary.aggregate_col(frame, "slow"), **BOUNDS)
print("bounds, counts", *compared["individual"]["control"].index.drop("mean"))
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
0.9 gives 0.9 (900)
0.9 0.95 gives 0.9 (950)
0.5 0.75 0.95 0.99 gives 0.5 (500) 0.8 (750) 0.9 (950) 1e+00 (990)
bounds 0.005 0.025 0.5 0.975 0.995
bounds, counts 0.001 0.999
EXPECTED
echo "as described"
