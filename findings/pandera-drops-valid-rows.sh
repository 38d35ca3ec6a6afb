#!/usr/bin/env bash
# pandera 0.35.0 (Python) leaves out the rows that a schema refuses, with `drop_invalid_rows=True`.
# Expected: the invalid rows are left out, and no others.
# Seen: pandas 3.1.1 keeps the row numbers of each file in a joined table, and a table by day has many rows of one day.
# pandera leaves out all rows with the label of an invalid one, without an error.  With Polars 2.1.0 it leaves out only
# the invalid one:
#   start times        with the labels           left from pandas    left from Polars
#   100, -1, 300, 400  0, 1, 2, 3                100 300 400         100 300 400
#   100, -1, 300, 400  0, 1, 0, 1 (two files)    100 300             100 300 400
#   100, -1, 300, 400  one day                   none                100 300 400
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pandera==0.35.0 pandas==3.1.1 polars==2.1.0
cd "$folder"
cat >seen.py <<'PYTHON'
import pandas as pd
import pandera.pandas
import pandera.polars
import polars as pl

TIMES = [100, -1, 300, 400]
FRAMES = {
    "0, 1, 2, 3": pd.DataFrame({"start_time": TIMES}),
    "two files": pd.concat([pd.DataFrame({"start_time": part}) for part in (TIMES[:2], TIMES[2:])]),
    "one day": pd.DataFrame({"start_time": TIMES, "day": ["2026-11-29"] * 4}).set_index("day"),
}


def valid(library, frame):
    column = library.Column(int, library.Check.ge(0))
    schema = library.DataFrameSchema({"start_time": column}, drop_invalid_rows=True)
    return list(schema.validate(frame, lazy=True)["start_time"])


for name, frame in FRAMES.items():
    print(name, valid(pandera.pandas, frame), valid(pandera.polars, pl.DataFrame(frame)), sep=" | ")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
0, 1, 2, 3 | [100, 300, 400] | [100, 300, 400]
two files | [100, 300] | [100, 300, 400]
one day | [] | [100, 300, 400]
EXPECTED
echo "as described"
