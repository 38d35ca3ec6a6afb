#!/usr/bin/env bash
# deltalake 1.6.6 appends a column of fractions to a table that has whole numbers in it, as the first pings of a metric
# often are.
# Expected: an error, since the schemas differ, or a column of fractions with schema_mode="merge".
# Seen: the fractions are cut to whole numbers, in both modes, without an error, and numbers become true.  A value that
# does not fit at all is an error.  update() cuts fractions too:
#   table has    appended           table then has
#   [10]         [1.7, -0.5]        [10, 1, 0]
#   [True]       [7]                [True, True]
#   [10]         [1e+300]           Exception: Cast error
#   [3]          update * 0.5       [1]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet deltalake==1.6.6 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import tempfile

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake


def new_table(values):
    path = tempfile.mkdtemp(dir=".")
    write_deltalake(path, pa.table({"value": values}))
    return path


def kept(path):
    # The order of the files is not part of a table.
    return sorted(DeltaTable(path).to_pyarrow_table()["value"].to_pylist(), reverse=True)


def appended(first, second, schema_mode):
    path = new_table(first)
    try:
        write_deltalake(path, pa.table({"value": second}), mode="append", schema_mode=schema_mode)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).split(':')[0]}"
    return kept(path)


def updated(values, expression):
    path = new_table(values)
    DeltaTable(path).update(updates={"value": expression})
    return kept(path)


CASES = [
    ([10], [1.7, -0.5], [10, 1, 0]),
    ([True], [7], [True, True]),
    ([10], [1e300], "Exception: Cast error"),
]
print(f"{'table has':<12} {'appended':<18} table then has")
for first, second, wanted in CASES:
    seen = appended(first, second, None)
    print(f"{first!s:<12} {second!s:<18} {seen}")
    assert seen == appended(first, second, "merge") == wanted
after_update = updated([3], "value * 0.5")
print(f"{'[3]':<12} {'update * 0.5':<18} {after_update}")
assert after_update == [1]
PYTHON
echo "as described"
