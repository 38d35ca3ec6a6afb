#!/usr/bin/env bash
# pandera 0.35.0 (Python) checks columns of pandas 3.1.1 by a schema with `coerce=True` and without `nullable=True`.
# Expected: a value that does not fit its type is refused, as it is for a column of 8 bits and for texts such as "1.5".
# Seen: the values are replaced before they are checked, and pass.  An absent value becomes true or false by its kind,
# the text "false" becomes true, and a fraction is cut, without an error:
#   values           schema  after the check
#   1.0, nan         bool    True, True
#   True, None       bool    True, False
#   "true", "false"  bool    True, True
#   1.9, 2.0         int     1, 2
#   300, 1           int8    refused
#   "1.5", "2"       int     refused
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pandera==0.35.0 pandas==3.1.1
cd "$folder"
cat >seen.py <<'PYTHON'
import pandas as pd
from pandera.errors import SchemaError, SchemaErrors
from pandera.pandas import Column, DataFrameSchema

CASES = [
    ([1.0, float("nan")], "bool"), ([True, None], "bool"), (["true", "false"], "bool"), ([1.9, 2.0], "int"),
    ([300, 1], "int8"), (["1.5", "2"], "int"),
]
for values, name in CASES:
    schema = DataFrameSchema({"metric": Column(name, coerce=True)})
    try:
        answer = schema.validate(pd.DataFrame({"metric": values}))["metric"].tolist()
    except (SchemaError, SchemaErrors):
        answer = "refused"
    print(values, name, answer, sep=" | ")
PYTHON
venv/bin/python -W ignore seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
[1.0, nan] | bool | [True, True]
[True, None] | bool | [True, False]
['true', 'false'] | bool | [True, True]
[1.9, 2.0] | int | [1, 2]
[300, 1] | int8 | refused
['1.5', '2'] | int | refused
EXPECTED
echo "as described"
