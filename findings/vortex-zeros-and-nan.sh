#!/usr/bin/env bash
# Vortex 0.93.0 (vortex-data for Python) writes a column of 0.0, -0.0, 0.5 and NaN to a file, and reads the rows of a
# filter.  PyArrow 26.0.1 finds the rows of the same column with its own functions.
# Expected: -0.0 equals 0.0, and NaN is neither less nor more than a number, as in IEEE 754 and in PyArrow.
# Seen: -0.0 is less than 0.0 and not equal to it, NaN is more than every number, and the NaN with a sign, which 0/0
# gives on many processors, is less than every number.  There is no error:
#   filter      Vortex             PyArrow
#   x == 0.0    0.0                0.0, -0.0
#   x >= 0.0    0.0, 0.5, nan      0.0, -0.0, 0.5
#   x < 0.0     -0.0, -nan         nothing
#   x > 1.0     nan                nothing
#   x == nan    nan                nothing
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet vortex-data==0.93.0 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import math
import operator

import pyarrow as pa
import pyarrow.compute as pc
import vortex
import vortex.expr

nan = float("nan")
COLUMN = pa.array([0.0, -0.0, 0.5, nan, math.copysign(nan, -1)])
vortex.io.write(vortex.array(pa.table({"x": COLUMN})), "rows.vortex")
# The filter as text, its operator and number, and the rows of Vortex and PyArrow.
CASES = [
    ("x == 0.0", operator.eq, pc.equal, 0.0, "0.0", "0.0, -0.0"),
    ("x >= 0.0", operator.ge, pc.greater_equal, 0.0, "0.0, 0.5, nan", "0.0, -0.0, 0.5"),
    ("x < 0.0", operator.lt, pc.less, 0.0, "-0.0, -nan", "nothing"),
    ("x > 1.0", operator.gt, pc.greater, 1.0, "nan", "nothing"),
    ("x == nan", operator.eq, pc.equal, nan, "nan", "nothing"),
]


def text(values):
    signed = ("-" if math.isnan(value) and math.copysign(1, value) < 0 else "" for value in values)
    return ", ".join(f"{sign}{value}" for sign, value in zip(signed, values, strict=True)) or "nothing"


print(f"{'filter':<11} {'Vortex':<18} PyArrow")
for name, compare, compute, number, *wanted in CASES:
    scan = vortex.open("rows.vortex").scan(expr=compare(vortex.expr.column("x"), number))
    rows = [row["x"] for row in scan.read_all().to_arrow_array().to_pylist()]
    seen = [text(rows), text(COLUMN.filter(compute(COLUMN, number)).to_pylist())]
    print(f"{name:<11} {seen[0]:<18} {seen[1]}")
    assert seen == wanted, seen
PYTHON
echo "as described"
