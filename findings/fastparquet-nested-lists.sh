#!/usr/bin/env bash
# fastparquet 2026.9.0 and a Parquet column that is a list of lists or a list of structs.
# Expected: the values, or an error that the type is not supported.
# Seen: the column is there and every row of it is null, without an error or a warning.  A list of numbers is read:
#   list        fastparquet [[1, 2], [3]]  PyArrow [[1, 2], [3]]
#   of lists    fastparquet [None, None]  PyArrow [[[1, 2]], [[3]]]
#   of structs  fastparquet [None, None]  PyArrow [[{'n': 1}], [{'n': 2}]]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fastparquet==2026.9.0 pyarrow==26.0.1
cd "$folder"
venv/bin/python -W error::UserWarning - <<'PYTHON'
import fastparquet
import pyarrow as pa
import pyarrow.parquet as pq

written = {
    "list": [[1, 2], [3]],
    "of lists": [[[1, 2]], [[3]]],
    "of structs": [[{"n": 1}], [{"n": 2}]],
}
seen = {}
for name, values in written.items():
    pq.write_table(pa.table({"counts": values}), "counts.parquet")
    assert pq.read_table("counts.parquet")["counts"].to_pylist() == values
    read = fastparquet.ParquetFile("counts.parquet").to_pandas()["counts"].tolist()
    seen[name] = [row and [int(count) for count in row] for row in read]
    print(f"{name:<11} fastparquet {seen[name]}  PyArrow {values}")
assert seen == {"list": written["list"], "of lists": [None, None], "of structs": [None, None]}
PYTHON
echo "as described"
