#!/usr/bin/env bash
# tablib 3.10.0 reads a list of objects from JSON, from YAML or from Python.  Two clients name the same keys in another
# order, as any writer of JSON may.
# Expected: the values belong to their keys in each object.  An object with other keys gets empty values, or an error.
# Seen: the keys of the first object become the headers, and all later objects give their values in their own order,
# whatever their keys are.  `stack()` also joins two tables by position and not by header:
#   [{"client": 1, "pings": 20}, {"pings": 30, "client": 2}]    client 30 with 2 pings
#   [{"client": 1, "pings": 20}, {"client": 2, "crashes": 5}]   client 2 with 5 pings
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tablib==3.10.0 pyyaml
cd "$folder"
cat >seen.py <<'PYTHON'
import tablib

TEXTS = {
    "json": '[{"client": 1, "pings": 20}, {"pings": 30, "client": 2}]',
    "yaml": "- {client: 1, pings: 20}\n- {pings: 30, client: 2}\n",
    "json, other keys": '[{"client": 1, "pings": 20}, {"client": 2, "crashes": 5}]',
}
for name, text in TEXTS.items():
    data = tablib.Dataset().load(text, format=name.split(",")[0])
    print(f"{name}:", data.dict[1])
data = tablib.Dataset()
data.dict = [{"client": 1, "pings": 20}, {"pings": 30, "client": 2}]
print("dict:", data.dict[1])
first = tablib.Dataset([1, 20], headers=["client", "pings"])
second = tablib.Dataset([30, 2], headers=["pings", "client"])
print("stack:", first.stack(second).dict[1])
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
json: {'client': 30, 'pings': 2}
yaml: {'client': 30, 'pings': 2}
json, other keys: {'client': 2, 'pings': 5}
dict: {'client': 30, 'pings': 2}
stack: {'client': 30, 'pings': 2}
EXPECTED
echo "as described"
