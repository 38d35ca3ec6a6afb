#!/usr/bin/env bash
# Polars 2.1.0 takes fractions, and objects that hold them, out of JSON texts by str.json_path_match().
# Expected: the number as it stands in the document.
# Seen: of fractions with 16 or 17 digits, as averages and ratios have, about one in nine gets another last digit,
# without an error, so it does not join or group with the same fraction from elsewhere.  str.json_decode(),
# read_ndjson() and DuckDB 2.0.1 give each as it was:
#   0.49649365599282835 becomes 0.4964936559928283
#   of 10000 fractions are changed
#     json_path_match('$.share')     more than 500
#     json_path_match('$.shares')    more than 500
#     json_decode                    0
#     read_ndjson                    0
#     DuckDB ->>                     0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0 duckdb==2.0.1 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
import random
from pathlib import Path

import duckdb
import polars

random.seed(1)
fractions = [random.random() for _ in range(10_000)]
documents = polars.Series("document", [json.dumps({"share": each, "shares": {"a": each}}) for each in fractions])
Path("shares.ndjson").write_text("\n".join(documents))
rows = documents.to_frame().to_arrow()
of_duckdb = duckdb.sql("SELECT document::JSON->>'share' FROM rows").fetchall()
decoded = documents.str.json_decode(polars.Struct({"share": polars.Float64}))
read = {
    "json_path_match('$.share')": [float(text) for text in documents.str.json_path_match("$.share")],
    "json_path_match('$.shares')": [json.loads(text)["a"] for text in documents.str.json_path_match("$.shares")],
    "json_decode": decoded.struct.field("share").to_list(),
    "read_ndjson": polars.read_ndjson("shares.ndjson")["share"].to_list(),
    "DuckDB ->>": [float(text) for (text,) in of_duckdb],
}
example = polars.Series(['{"share":0.49649365599282835}']).str.json_path_match("$.share")[0]
print(f"0.49649365599282835 becomes {example}")
print("of 10000 fractions are changed")
changed = {name: sum(a != b for a, b in zip(fractions, values, strict=True)) for name, values in read.items()}
for name, number in changed.items():
    print(f"  {name:<30} {'more than 500' if number > 500 else number}")
assert [number > 500 for number in changed.values()] == [True, True, False, False, False]
assert list(changed.values())[2:] == [0, 0, 0] and example == "0.4964936559928283"
PYTHON
echo "as described"
