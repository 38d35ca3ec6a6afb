#!/usr/bin/env bash
# Polars 2.1.0 reads newline-delimited JSON and takes the types from the first 100 lines.
# Expected: where those have only empty lists or objects in a field, a later list of numbers is read, or an error is
# raised, as it is where those have only null or whole numbers and a later line has something else.
# Seen: each number of the later lists is null, and a later object loses its fields, without an error.  An argument
# infer_schema_length=None helps, and so does a schema.  PyArrow 26.0.1 and DuckDB 2.0.1 read both:
#   Polars, lists    [None, None, None]
#   Polars, objects  {}
#   Polars, null     ComputeError
#   all lines        [3, 1, 2] {'gc': 5}
#   PyArrow          [3, 1, 2] {'gc': 5}
#   DuckDB           [3, 1, 2] {'gc': 5}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0 pyarrow==26.0.1 duckdb==2.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
from pathlib import Path

import duckdb
import polars
import pyarrow.json


def written(name, first, last):
    """A file of 100 lines with *first* and one with *last*."""
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in [first] * 100 + [last]))
    return name


LAST = {"values": [3, 1, 2], "labels": {"gc": 5}}
both = written("both.ndjson", {"values": [], "labels": {}}, LAST)
null = written("null.ndjson", {"values": None}, {"values": [3]})
row = polars.read_ndjson(both).row(-1, named=True)
assert polars.scan_ndjson(both).collect().row(-1, named=True) == row
try:
    of_null = polars.read_ndjson(null).row(-1, named=True)
except polars.exceptions.ComputeError as error:
    of_null = type(error).__name__
others = {
    "all lines": polars.read_ndjson(both, infer_schema_length=None).row(-1, named=True),
    "PyArrow": pyarrow.json.read_json(both).to_pylist()[-1],
    "DuckDB": dict(zip(LAST, duckdb.sql(f"FROM read_json('{both}')").fetchall()[-1], strict=True)),
}
print(f"Polars, lists    {row['values']}")
print(f"Polars, objects  {row['labels']}")
print(f"Polars, null     {of_null}")
for name, read in others.items():
    print(f"{name:<16} {read['values']} {read['labels']}")
assert row == {"values": [None, None, None], "labels": {}} and of_null == "ComputeError"
assert all(read == LAST for read in others.values())
PYTHON
echo "as described"
