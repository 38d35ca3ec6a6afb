#!/usr/bin/env bash
# daft 0.7.26 reads two Parquet files, where the second has fractions or a column more, and JSON lines where a field is an
# object in one row and a number in another.
# Expected: types and columns that hold both, as for the rows of one JSON file, or an error.
# Seen: the first file decides.  Fractions of later files are cut and their new columns are absent, without an error; if
# the files are given in the other order, they are kept.  Of a folder the first is whichever the file system lists first,
# so that a copy of the folder can have other columns.  An object beside a number in JSON is read as null:
#   read                                       rows
#   x: 1, then x: 1.5                          {'x': [1, 1]}
#   x: 1.5, then x: 1                          {'x': [1.5, 1.0]}
#   x: 1, then x: 2 and y: 3                   {'x': [1, 2]}
#   x: 2 and y: 3, then x: 1                   {'x': [2, 1], 'y': [3, None]}
#   JSON, x: 1, then x: 1.5                    {'x': [1.0, 1.5]}
#   JSON, x: {"a": 1}, then x: 5               {'x': [None, '5']}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet daft==0.7.26 pyarrow==25.0.1
cd "$folder"
DAFT_PROGRESS_BAR=0 DO_NOT_TRACK=1 venv/bin/python - <<'PYTHON'
import json
import logging
from pathlib import Path

import daft
import pyarrow as pa
import pyarrow.parquet

logging.disable()


def by_parquet(number, rows):
    folder = Path(str(number)).absolute()
    folder.mkdir()
    paths = [str(folder / f"{place}.parquet") for place in range(len(rows))]
    for path, row in zip(paths, rows, strict=True):
        pa.parquet.write_table(pa.Table.from_pylist([row]), path)
    return daft.read_parquet(paths)


def by_json(number, rows):
    path = Path(f"{number}.jsonl").absolute()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return daft.read_json(str(path))


# What is read, the rows of the files or lines, and the rows that were seen.
CASES = [
    ("x: 1, then x: 1.5", by_parquet, [{"x": 1}, {"x": 1.5}], {"x": [1, 1]}),
    ("x: 1.5, then x: 1", by_parquet, [{"x": 1.5}, {"x": 1}], {"x": [1.5, 1.0]}),
    ("x: 1, then x: 2 and y: 3", by_parquet, [{"x": 1}, {"x": 2, "y": 3}], {"x": [1, 2]}),
    ("x: 2 and y: 3, then x: 1", by_parquet, [{"x": 2, "y": 3}, {"x": 1}], {"x": [2, 1], "y": [3, None]}),
    ("JSON, x: 1, then x: 1.5", by_json, [{"x": 1}, {"x": 1.5}], {"x": [1.0, 1.5]}),
    ('JSON, x: {"a": 1}, then x: 5', by_json, [{"x": {"a": 1}}, {"x": 5}], {"x": [None, "5"]}),
]
print(f"{'read':<42} rows")
for number, (name, read, rows, wanted) in enumerate(CASES):
    seen = read(number, rows).to_pydict()
    print(f"{name:<42} {seen}")
    assert str(seen) == str(wanted)
PYTHON
echo "as described"
