#!/usr/bin/env bash
# datacompy 1.1.0 compares two tables, as an analyst does after a change of a pipeline.  `abs_tol` and `rel_tol` are 0,
# as they are by default.
# Expected: whole numbers that differ are reported, so that two tables with other identifiers do not match.
# Seen: both of the comparisons for pandas and Polars compare numbers as doubles.  Identifiers that differ in their last
# digits match, and the report says that all rows are equal.  The same numbers in lists do not match:
#                                        matches
#   2**53 + 1             2**53          True
#   2**64 - 1             2**64 - 2      True
#   2**63 - 1             2**63 - 500    True
#   [2**53 + 1]           [2**53]        False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datacompy==1.1.0 pandas==3.0.6 polars==1.44.2
cd "$folder"
cat >seen.py <<'PYTHON'
import logging

import datacompy
import pandas
import polars

logging.disable()
PAIRS = {
    "2**53 + 1 and 2**53": (2**53 + 1, 2**53),
    "2**64 - 1 and 2**64 - 2": (2**64 - 1, 2**64 - 2),
    "2**63 - 1 and 2**63 - 500": (2**63 - 1, 2**63 - 500),
    "lists": ([2**53 + 1], [2**53]),
}
for name, (first, second) in PAIRS.items():
    for compare, frame in (
        (datacompy.PandasCompare, pandas.DataFrame),
        (datacompy.PolarsCompare, polars.DataFrame),
    ):
        compared = compare(
            frame({"client": ["a"], "number": [first]}),
            frame({"client": ["a"], "number": [second]}),
            join_columns="client",
        )
        print(f"{name}: {compare.__name__} {compared.matches()}, {compared.count_matching_rows()} equal rows")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
2**53 + 1 and 2**53: PandasCompare True, 1 equal rows
2**53 + 1 and 2**53: PolarsCompare True, 1 equal rows
2**64 - 1 and 2**64 - 2: PandasCompare True, 1 equal rows
2**64 - 1 and 2**64 - 2: PolarsCompare True, 1 equal rows
2**63 - 1 and 2**63 - 500: PandasCompare True, 1 equal rows
2**63 - 1 and 2**63 - 500: PolarsCompare True, 1 equal rows
lists: PandasCompare False, 0 equal rows
lists: PolarsCompare False, 0 equal rows
EXPECTED
echo "as described"
