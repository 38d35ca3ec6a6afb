#!/usr/bin/env bash
# apache-arrow 21.2.0 for JavaScript makes a table of objects by tableFromJSON(), of which some lack a key.
# Expected: null where the key is absent, as where it has the value null.
# Seen: absent is false, an empty text or NaN.  No value counts as null, so that every reader of the table, here PyArrow
# 26.0.1, takes them for values: a ping that says nothing of a crash has crashed: false, and the average of tabs is NaN.
#   objects    {crashed: true, channel: 'beta', tabs: 4}, {}
#     PyArrow  {'crashed': [True, False], 'channel': ['beta', ''], 'tabs': [4.0, nan]}
#   objects    {crashed: true, channel: 'beta', tabs: 4}, {crashed: null, channel: null, tabs: null}
#     PyArrow  {'crashed': [True, None], 'channel': ['beta', None], 'tabs': [4.0, None]}
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund apache-arrow@21.2.0 >/dev/null
cat > write.cjs <<'JAVASCRIPT'
const fs = require("fs");
const { tableFromJSON, tableToIPC } = require("apache-arrow");

const whole = { crashed: true, channel: "beta", tabs: 4 };
fs.writeFileSync("absent.arrows", tableToIPC(tableFromJSON([whole, {}])));
fs.writeFileSync("null.arrows", tableToIPC(tableFromJSON([whole, { crashed: null, channel: null, tabs: null }])));
JAVASCRIPT
node write.cjs
venv/bin/python - <<'PYTHON'
import pyarrow as pa

FIRST = "{crashed: true, channel: 'beta', tabs: 4}"
seen = {}
for name, second in {"absent": "{}", "null": "{crashed: null, channel: null, tabs: null}"}.items():
    seen[name] = pa.ipc.open_stream(f"{name}.arrows").read_all().to_pydict()
    print(f"objects    {FIRST}, {second}")
    print(f"  PyArrow  {seen[name]}")
assert str(seen["absent"]) == "{'crashed': [True, False], 'channel': ['beta', ''], 'tabs': [4.0, nan]}"
assert seen["null"] == {"crashed": [True, None], "channel": ["beta", None], "tabs": [4.0, None]}
PYTHON
echo "as described"
