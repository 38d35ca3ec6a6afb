#!/usr/bin/env bash
# daft 0.7.26 filters a column of numbers, in memory and in Parquet files with and without statistics.  0.6.14 before it
# knew one zero.
# Expected: -0.0, such as a negative difference that was rounded, is equal to 0; and one answer, wherever the rows are.
# Seen: -0.0 is less than 0 and not equal to it, so that `x >= 0` and `x == 0` lose rows, and groups have two zeros.
# NaN is greater than all numbers in memory, but where a file has statistics its rows are skipped by them:
#   values             filter         in memory        Parquet          without statistics
#   0.0, -0.0, 1.0     x == 0         0.0              0.0              0.0
#   0.0, -0.0, 1.0     x >= 0         0.0, 1.0         0.0, 1.0         0.0, 1.0
#   0.0, -0.0, 1.0     x < 0          -0.0             -0.0             -0.0
#   1.0, nan, 2.0      x > 5          nan              none             nan
#   1.0, nan, 1.0      x != 1         nan              none             nan
#   1.0, nan, 2.0      x != 1         nan, 2.0         nan, 2.0         nan, 2.0
#   groups of 0.0, -0.0, 1.0          3
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet daft==0.7.26 pyarrow==25.0.1
cd "$folder"
DAFT_PROGRESS_BAR=0 DO_NOT_TRACK=1 venv/bin/python - <<'PYTHON'
import logging
from pathlib import Path

import daft
import pyarrow as pa
import pyarrow.parquet
from daft import col

logging.disable()
x = col("x")
ZEROS, ONES, NUMBERS = [0.0, -0.0, 1.0], [1.0, float("nan"), 1.0], [1.0, float("nan"), 2.0]
# The values, the filter, and the rows in memory, in a file, and in a file without statistics.
CASES = [
    (ZEROS, "x == 0", x == 0, "0.0", "0.0", "0.0"),
    (ZEROS, "x >= 0", x >= 0, "0.0, 1.0", "0.0, 1.0", "0.0, 1.0"),
    (ZEROS, "x < 0", x < 0, "-0.0", "-0.0", "-0.0"),
    (NUMBERS, "x > 5", x > 5, "nan", "none", "nan"),
    (ONES, "x != 1", x != 1, "nan", "none", "nan"),
    (NUMBERS, "x != 1", x != 1, "nan, 2.0", "nan, 2.0", "nan, 2.0"),
]


def text(values):
    return ", ".join(map(str, values)) or "none"


def frames(number, values):
    table = pa.table({"x": values})
    yield daft.from_arrow(table)
    for name, has_statistics in ((f"{number}.parquet", True), (f"{number}-plain.parquet", False)):
        pa.parquet.write_table(table, name, write_statistics=has_statistics)
        yield daft.read_parquet(str(Path(name).absolute()))


print(f"{'values':<18} {'filter':<14} {'in memory':<16} {'Parquet':<16} without statistics")
for number, (values, name, condition, *wanted) in enumerate(CASES):
    seen = [text(frame.where(condition).to_pydict()["x"]) for frame in frames(number, values)]
    print(f"{text(values):<18} {name:<14} {seen[0]:<16} {seen[1]:<16} {seen[2]}")
    assert seen == wanted, seen
groups = daft.from_pydict({"x": ZEROS}).groupby("x").agg(x.count().alias("rows")).to_pydict()
print(f"{'groups of ' + text(ZEROS):<33} {len(groups['rows'])}")
assert len(groups["rows"]) == 3
PYTHON
echo "as described"
