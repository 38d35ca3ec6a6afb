#!/usr/bin/env bash
# DataFusion 55.0.0 reads newline-delimited JSON and takes the types from the first 1,000 lines.
# Expected: a fraction after them in a field of whole numbers is read, or raises an error, as true does there.
# Seen: it is cut to a whole number, in lists too, and a text of digits is taken for a number, without an error.  An
# argument schema_infer_max_records that covers the file helps:
#   1.9         1
#   -0.5        0
#   [1.9]       [1]
#   "7"         7
#   true        an error
#   all lines   1.9
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datafusion==55.0.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
from pathlib import Path

from datafusion import SessionContext, col, lit


def last_read(value, **options):
    """What is read of *value* in line 1,001, after lines with a 1 or a list of it."""
    first = [1] if isinstance(value, list) else 1
    rows = [{"line": line, "load": first} for line in range(1, 1001)] + [{"line": 1001, "load": value}]
    Path("pings.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pings = SessionContext().read_json("pings.ndjson", file_extension=".ndjson", **options)
    try:
        [row] = pings.filter(col("line") == lit(1001)).to_pylist()
    except Exception:
        return "an error"
    return row["load"]


VALUES = [1.9, -0.5, [1.9], "7", True]
seen = {json.dumps(value): last_read(value) for value in VALUES}
seen["all lines"] = last_read(1.9, schema_infer_max_records=2000)
for name, value in seen.items():
    print(f"{name:<11} {value}")
assert list(seen.values()) == [1, 0, [1], 7, "an error", 1.9], seen
PYTHON
echo "as described"
