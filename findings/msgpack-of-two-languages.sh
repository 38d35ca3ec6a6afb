#!/usr/bin/env bash
# @msgpack/msgpack 3.1.3 and msgpackr 2.1.4 (JavaScript) write and read MessagePack with msgpack 1.2.4 (Python).
# Expected: whole numbers, maps and long integers arrive as they were, or there is an error.
# Seen: msgpackr writes a whole number past 32 bits, such as a time in milliseconds, as a double, which Python reads as
# a float.  @msgpack/msgpack writes a Map as an empty map, and rounds long integers from Python, without an error:
#                                    @msgpack/msgpack    msgpackr
#   1796008516201, read by Python    1796008516201       1796008516201.0
#   a Map, read by Python            {}                  {'tabs': 1}
#   2**53 + 1 from Python            9007199254740992    9007199254740993
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet msgpack==1.2.4
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @msgpack/msgpack@3.1.3 msgpackr@2.1.4
cat >seen.js <<'JAVASCRIPT'
const { decode, encode } = require("@msgpack/msgpack");
const { pack, unpack } = require("msgpackr");
const hex = (written) => Buffer.from(written).toString("hex");
for (const value of [1796008516201, new Map([["tabs", 1]])]) {
  console.log(hex(encode(value)), hex(pack(value)));
}
const fromPython = Buffer.from(process.argv[2], "hex");
console.error(String(decode(fromPython)), String(unpack(fromPython)));
JAVASCRIPT
cat >seen.py <<'PYTHON'
import sys

import msgpack

for line in sys.stdin:
    print(*[msgpack.unpackb(bytes.fromhex(written)) for written in line.split()])
PYTHON
node seen.js "$(venv/bin/python -c 'import msgpack; print(msgpack.packb(2**53 + 1).hex())')" >written.txt 2>read.txt
venv/bin/python seen.py <written.txt >seen.txt
cat read.txt >>seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
1796008516201 1796008516201.0
{} {'tabs': 1}
9007199254740992 9007199254740993
EXPECTED
echo "as described"
