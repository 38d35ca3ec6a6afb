#!/usr/bin/env bash
# PyIceberg 0.12.0 scans a table with a filter that compares a column of whole numbers with a fraction.
# Expected: the rows for which the comparison is true, or an error, as GreaterThan("tabs", 1.5) raises a TypeError.
# Seen: in a filter that is a text the fraction is rounded first, halves to the even number, so rows are lost or added
# without an error.  delete() takes the same filters, and deletes the wrong rows.  Of the rows 1, 2 and 3:
#   filter                    true for      rows found
#   tabs > 1.5                [2, 3]        [3]
#   tabs < 2.5                [1, 2]        [1]
#   tabs <= 1.5               [1]           [1, 2]
#   tabs = 1.5                []            [2]
#   kept by delete tabs = 1.5 [1, 2, 3]     [1, 3]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile 'pyiceberg[sql-sqlite]==0.12.0' pyarrow==26.0.1
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
from pathlib import Path

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import GreaterThan

ROWS = [1, 2, 3]
catalog = SqlCatalog("local", uri="sqlite:///catalog.db", warehouse=Path.cwd().as_uri())
catalog.create_namespace("pings")
rows = pa.table({"tabs": ROWS})
table = catalog.create_table("pings.tabs", rows.schema)
table.append(rows)


def found(row_filter="true"):
    return sorted(table.scan(row_filter=row_filter).to_arrow()["tabs"].to_pylist())


CASES = {
    "tabs > 1.5": ([2, 3], [3]),
    "tabs < 2.5": ([1, 2], [1]),
    "tabs <= 1.5": ([1], [1, 2]),
    "tabs = 1.5": ([], [2]),
}
print(f"{'filter':<25} {'true for':<13} rows found")
for row_filter, (right, wrong) in CASES.items():
    seen = found(row_filter)
    print(f"{row_filter:<25} {right!s:<13} {seen}")
    assert seen == wrong
try:
    found(GreaterThan("tabs", 1.5))
except TypeError as error:
    assert "Cannot convert" in str(error)
else:
    raise AssertionError("an expression object with a fraction is accepted")
table.delete("tabs = 1.5")
print(f"{'kept by delete tabs = 1.5':<25} {ROWS!s:<13} {found()}")
assert found() == [1, 3]
PYTHON
echo "as described"
