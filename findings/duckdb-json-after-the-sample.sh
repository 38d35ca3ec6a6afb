#!/usr/bin/env bash
# DuckDB 2.0.1: read_json finds the columns and types of a file from its first 20,480 objects.
# Expected: an error when a later object does not fit, as DuckDB gives for a new key and for text in a number column.
# Seen: a later fraction in a column of whole numbers is rounded without an error.  sample_size=-1 looks at the whole
# file.  In 30,001 objects, of which the last one differs from {"n": 1}:
#   last object          read_json('...')           read_json('...', sample_size=-1)
#   {"n": 1, "os": "x"}  InvalidInputException      {'n': 1, 'os': 'x'}
#   {"n": "x"}           InvalidInputException      {'n': '"x"'}
#   {"n": 1.5}           {'n': 2}                   {'n': 1.5}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
from pathlib import Path

import duckdb


def last_row(options=""):
    try:
        result = duckdb.execute(f"FROM read_json('pings.ndjson'{options}) OFFSET 30000")
        [row] = result.fetchall()
    except duckdb.Error as error:
        return type(error).__name__
    return dict(zip([column[0] for column in result.description], row))


seen = []
for last in ({"n": 1, "os": "x"}, {"n": "x"}, {"n": 1.5}):
    lines = ['{"n": 1}'] * 30_000 + [json.dumps(last)]
    Path("pings.ndjson").write_text("\n".join(lines) + "\n")
    seen.append((last_row(), last_row(", sample_size=-1")))
    print(f"{lines[-1]:<20} {seen[-1][0]!s:<26} {seen[-1][1]}")
assert [sampled for sampled, _ in seen] == ["InvalidInputException", "InvalidInputException", {"n": 2}]
assert [whole for _, whole in seen] == [{"n": 1, "os": "x"}, {"n": '"x"'}, {"n": 1.5}]
PYTHON
echo "as described"
