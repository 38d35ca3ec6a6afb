#!/usr/bin/env bash
# PyArrow 26.0.1 reads the rows with NaN from a Parquet file that it wrote, by a filter.
# Expected: the same rows as when the whole file is read and filtered afterwards, which also for comparisons follow
# IEEE 754: NaN is not equal to a number.
# Seen: NaN is not in the minimum and maximum of a row group.  If its other values are all equal, such as the shares of
# pings without an error, they are taken for the values of all rows, and even is_nan finds nothing, without an error.
# Polars 2.1.0 finds the rows:
#                                         0, 0, NaN     0, 1, NaN
#   pyarrow, whole file, is_nan                   1             1
#   pyarrow, filter is_nan                        0             1
#   pyarrow, filter share != 0                    0             2
#   polars, is_nan                                1             1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1 polars==2.1.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import math

import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

share = pyarrow.dataset.field("share")


def rows_found(name, shares):
    file = f"{name}.parquet"
    pq.write_table(pa.table({"share": shares}), file)
    dataset = pyarrow.dataset.dataset(file)
    return {
        "pyarrow, whole file, is_nan": dataset.to_table().filter(pc.is_nan(share)).num_rows,
        "pyarrow, filter is_nan": dataset.to_table(filter=pc.is_nan(share)).num_rows,
        "pyarrow, filter share != 0": dataset.to_table(filter=share != 0.0).num_rows,
        "polars, is_nan": polars.scan_parquet(file).filter(polars.col("share").is_nan()).collect().height,
    }


equal = rows_found("equal", [0.0, 0.0, math.nan])
different = rows_found("different", [0.0, 1.0, math.nan])
print(f"{'':<34} {'0, 0, NaN':>14} {'0, 1, NaN':>13}")
for name, number in equal.items():
    print(f"{name:<34} {number:>14} {different[name]:>13}")
assert list(equal.values()) == [1, 0, 0, 1]
assert list(different.values()) == [1, 1, 2, 1]
PYTHON
echo "as described"
