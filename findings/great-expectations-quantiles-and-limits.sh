#!/usr/bin/env bash
# great_expectations 1.24.1 checks a column of a pandas table against limits.
# Expected: the 0.5-quantile is the median, and a whole number past a limit fails.
# Seen: the 0.5-quantile of an even number of values is the lower or the upper of the two in the middle, by the number
# of rows, so that times of which half are 0 have the quantile 100 for 100 rows and 0 for 102.  The median of the same
# column is another.  Limits become doubles, so that a number past a limit passes if it has more than 53 bits, where a
# set of values is exact:
#   values                       0.5-quantile   median
#   50 times 0, 50 times 100     100            50.0
#   51 times 0, 51 times 100     0              50.0
#   1 to 10                      5              5.5
#   1 to 100                     51             50.5
#   2**53 + 1, max_value=2**53   passes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet great_expectations==1.24.1 pandas==2.3.3
cd "$folder"
cat >seen.py <<'PYTHON'
import os
import warnings

os.environ["GX_ANALYTICS_ENABLED"] = "false"
warnings.simplefilter("ignore")

import great_expectations
import pandas
from great_expectations import expectations

context = great_expectations.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False, "metric_calculations": False}
asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("pings")
definition = asset.add_batch_definition_whole_dataframe("all")


def validate(values, expectation):
    batch = definition.get_batch({"dataframe": pandas.DataFrame({"time": values})})
    return batch.validate(expectation)


HALF = {"quantiles": [0.5], "value_ranges": [[0, 100]]}
SERIES = {
    "50 times 0, 50 times 100": [0] * 50 + [100] * 50,
    "51 times 0, 51 times 100": [0] * 51 + [100] * 51,
    "1 to 10": range(1, 11),
    "1 to 100": range(1, 101),
}
for name, values in SERIES.items():
    quantile = validate(
        values, expectations.ExpectColumnQuantileValuesToBeBetween(column="time", quantile_ranges=HALF)
    )
    median = validate(values, expectations.ExpectColumnMedianToBeBetween(column="time", min_value=0, max_value=100))
    print(f"{name}: {quantile.result['observed_value']['values'][0]}, {float(median.result['observed_value'])}")
LIMIT = 2**53
between = expectations.ExpectColumnValuesToBeBetween(column="time", max_value=LIMIT)
print("2**53 + 1 to be at most 2**53:", validate([LIMIT + 1], between).success)
in_set = expectations.ExpectColumnValuesToBeInSet(column="time", value_set=[LIMIT])
print("2**53 + 1 to be in the set of 2**53:", validate([LIMIT + 1], in_set).success)
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
50 times 0, 50 times 100: 100, 50.0
51 times 0, 51 times 100: 0, 50.0
1 to 10: 5, 5.5
1 to 100: 51, 50.5
2**53 + 1 to be at most 2**53: True
2**53 + 1 to be in the set of 2**53: False
EXPECTED
echo "as described"
