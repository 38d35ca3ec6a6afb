#!/usr/bin/env bash
# PyArrow 26.0.1 writes a table of 3,000 rows to an ORC file, whole or in parts of 1,000 rows.  A column has objects, and
# every third object is null, as an optional part of a ping is.
# Expected: one content, however the table is cut.
# Seen: where some objects are null, the rows from the second part on have the objects of the first part, without an
# error, since the place where a part begins is forgotten for that column.  The numbers beside it are right, so the rows
# look whole.  Without nulls, for lists, and in Parquet all rows are right:
#   written                        column             wrong rows   row 1000, written and read
#   whole, ORC                     objects, nulls              0   {'a': 1000}, {'a': 1000}
#   ORCWriter.write() of parts     objects, nulls           2000   {'a': 1000}, None
#   one table of parts, ORC        objects, nulls           2000   {'a': 1000}, None
#   one table of parts, Parquet    objects, nulls              0   {'a': 1000}, {'a': 1000}
#   one table of parts, ORC        objects                     0   {'a': 1000}, {'a': 1000}
#   one table of parts, ORC        lists, nulls                0   [1000], [1000]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet

ROWS = range(3000)
VALUES = {
    "objects, nulls": pa.array([{"a": row} if row % 3 else None for row in ROWS]),
    "objects": pa.array([{"a": row} for row in ROWS]),
    "lists, nulls": pa.array([[row] if row % 3 else None for row in ROWS]),
}


def parts(table):
    return [table.slice(row, 1000) for row in range(0, len(table), 1000)]


def write_parts(table):
    with pa.orc.ORCWriter("pings.orc") as writer:
        for part in parts(table):
            writer.write(part)
    return pa.orc.read_table("pings.orc")


def write_orc(table):
    pa.orc.write_table(table, "pings.orc")
    return pa.orc.read_table("pings.orc")


def write_parquet(table):
    pa.parquet.write_table(table, "pings.parquet")
    return pa.parquet.read_table("pings.parquet")


# How it is written, the column, the wrong rows, and row 1000 as it was written and read.
CASES = [
    ("whole, ORC", write_orc, "objects, nulls", 0, "{'a': 1000}, {'a': 1000}"),
    ("ORCWriter.write() of parts", write_parts, "objects, nulls", 2000, "{'a': 1000}, None"),
    ("one table of parts, ORC", write_orc, "objects, nulls", 2000, "{'a': 1000}, None"),
    ("one table of parts, Parquet", write_parquet, "objects, nulls", 0, "{'a': 1000}, {'a': 1000}"),
    ("one table of parts, ORC", write_orc, "objects", 0, "{'a': 1000}, {'a': 1000}"),
    ("one table of parts, ORC", write_orc, "lists, nulls", 0, "[1000], [1000]"),
]
print(f"{'written':<30} {'column':<17} {'wrong rows':>11}   row 1000, written and read")
for name, write, column, *wanted in CASES:
    table = pa.table({"row": ROWS, "value": VALUES[column]})
    read = write(pa.concat_tables(parts(table)) if "parts" in name and write is not write_parts else table)
    assert read["row"].to_pylist() == list(ROWS)
    before, after = table["value"].to_pylist(), read["value"].to_pylist()
    seen = [sum(one != other for one, other in zip(before, after, strict=True)), f"{before[1000]}, {after[1000]}"]
    print(f"{name:<30} {column:<17} {seen[0]:>11}   {seen[1]}")
    assert seen == wanted, seen
PYTHON
echo "as described"
