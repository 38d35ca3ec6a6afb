#!/usr/bin/env bash
# @msgpack/msgpack 3.1.3 and msgpackr 2.1.4 (JavaScript) write MessagePack, and msgpack 1.2.4 (Python) reads it.
# Expected: whole numbers and maps arrive as they were, or there is an error.
# Seen: msgpackr writes a whole number past 32 bits, such as a time in milliseconds, as a double, which Python reads as
# a float.  @msgpack/msgpack writes a Map as an empty map.  There is no error:
#                                    @msgpack/msgpack    msgpackr
#   1796008516201, read by Python    1796008516201       1796008516201.0
#   a Map, read by Python            {}                  {'tabs': 1}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet msgpack==1.2.4
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @msgpack/msgpack@3.1.3 msgpackr@2.1.4
cat >seen.js <<'JAVASCRIPT'
const { encode } = require("@msgpack/msgpack");
const { pack } = require("msgpackr");
const hex = (written) => Buffer.from(written).toString("hex");
for (const value of [1796008516201, new Map([["tabs", 1]])]) {
  console.log(hex(encode(value)), hex(pack(value)));
}
JAVASCRIPT
cat >seen.py <<'PYTHON'
import sys

import msgpack

for line in sys.stdin:
    print(*[msgpack.unpackb(bytes.fromhex(written)) for written in line.split()])
PYTHON
node seen.js >written.txt
venv/bin/python seen.py <written.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
1796008516201 1796008516201.0
{} {'tabs': 1}
EXPECTED
echo "as described"
