#!/usr/bin/env bash
# whylogs 1.6.4 (Python) makes a profile of one column, once from a pandas frame and once row by row, and merges
# profiles.
# Expected: one profile for the same values, and a mean and extremes that belong to them.
# Seen: a NaN is left out of the mean of a frame, but one row with NaN makes the mean NaN, and that of all profiles with
# which it is merged.  A number of 64 bits without a sign becomes negative, without an error, so that the maximum of
# 2**63 + 1000 and 1 is 1.  Booleans have the least integer as their maximum and the largest as their minimum.  Texts
# that are equal in their first 128 letters are one text among the frequent ones:
#   mean of 1, 2, 3, NaN: frame, rows, merged     2.0, nan, nan
#   2**63 + 1000 and 1, frame: mean, maximum      -4.611686018427388e+18, 1
#   true and false: ints/max, ints/min            -9223372036854775807, 9223372036854775807
#   two addresses of 200 letters: frequent        128 letters, 2 times
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet whylogs==1.6.4 numpy==1.26.4 pandas==2.3.3
cd "$folder"
cat >seen.py <<'PYTHON'
import logging

import numpy
import pandas
import whylogs

logging.disable(logging.CRITICAL)
VALUES = [1.0, 2.0, 3.0, float("nan")]


def of_frame(values):
    return whylogs.log(pandas.DataFrame({"column": values})).view()


def read(view, *names):
    summary = view.get_column("column").to_summary_dict()
    return [summary[name] for name in names]


by_row = whylogs.log({"column": VALUES[0]}).profile()
for value in VALUES[1:]:
    by_row.track({"column": value})
merged = of_frame(VALUES[:3]).merge(whylogs.log({"column": VALUES[3]}).view())
print("mean", *(read(view, "distribution/mean")[0] for view in (of_frame(VALUES), by_row.view(), merged)))
unsigned = of_frame(numpy.array([2**63 + 1000, 1], dtype="uint64"))
print("unsigned", *read(unsigned, "distribution/mean", "distribution/max"))
print("booleans", *read(of_frame([True, False]), "ints/max", "ints/min"))
addresses = of_frame(["a" * 199 + end for end in "xy"])
for item in read(addresses, "frequent_items/frequent_strings")[0]:
    print("addresses", len(item.value), item.est)
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
mean 2.0 nan nan
unsigned -4.6116860184273874e+18 1.0
booleans -9223372036854775807 9223372036854775807
addresses 128 2
EXPECTED
echo "as described"
