#!/usr/bin/env bash
# flatbuffers 25.9.23 (npm) writes large numbers as FlexBuffers.  It and flatbuffers 25.12.19 (PyPI) read them.
# Expected: each number is read as it was written, or refused.
# Seen: each number without a fraction, also a double, is written as a signed integer of 64 bits, and so is each BigInt.
# A number past that is written as another, without an error, and a Date as an empty object:
#   written           read in Python          read in JavaScript
#   1e18              1000000000000000000     1000000000000000000n
#   1e19              -8446744073709551616    -8446744073709551616n
#   1e20              7766279631452241920     7766279631452241920n
#   2n ** 62n         4611686018427387904     4611686018427387904n
#   2n ** 63n         -9223372036854775808    -9223372036854775808n
#   2n ** 64n - 1n    -1                      -1n
#   a Date            {}                      {}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flatbuffers==25.12.19
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund flatbuffers@25.9.23
cat >write.cjs <<'JAVASCRIPT'
const flexbuffers = require("flatbuffers/js/flexbuffers.js");
const VALUES = {
  "1e18": 1e18, "1e19": 1e19, "1e20": 1e20, "2n**62n": 2n ** 62n, "2n**63n": 2n ** 63n, "2n**64n-1n": 2n ** 64n - 1n,
  Date: new Date(1795939200000),
};
for (const [name, value] of Object.entries(VALUES)) {
  console.log(name, Buffer.from(flexbuffers.encode(value)).toString("hex"));
}
JAVASCRIPT
cat >read.py <<'PYTHON'
from flatbuffers import flexbuffers

with open("written.txt") as file:
    for line in file:
        name, content = line.split()
        print(name, flexbuffers.Loads(bytes.fromhex(content)))
PYTHON
cat >read.cjs <<'JAVASCRIPT'
const { readFileSync } = require("fs");
const { inspect } = require("util");
const flexbuffers = require("flatbuffers/js/flexbuffers.js");
for (const line of readFileSync("written.txt", "utf8").trim().split("\n")) {
  const bytes = new Uint8Array(Buffer.from(line.split(" ")[1], "hex"));
  console.log(inspect(flexbuffers.toObject(bytes.buffer)));
}
JAVASCRIPT
node write.cjs >written.txt
venv/bin/python read.py >python.txt
node read.cjs >javascript.txt
paste -d ' ' python.txt javascript.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
1e18 1000000000000000000 1000000000000000000n
1e19 -8446744073709551616 -8446744073709551616n
1e20 7766279631452241920 7766279631452241920n
2n**62n 4611686018427387904 4611686018427387904n
2n**63n -9223372036854775808 -9223372036854775808n
2n**64n-1n -1 -1n
Date {} {}
EXPECTED
echo "as described"
