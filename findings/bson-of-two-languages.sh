#!/usr/bin/env bash
# bson 7.3.4 (JavaScript) and pymongo 4.20.1 (Python) read and write the documents of MongoDB, as BSON and as its JSON.
# Expected: a number of 64 bits is the same number in the JSON of both, and what cannot be written is refused.
# Seen: EJSON.stringify() and EJSON.parse() for JavaScript round whole numbers past 2**53 by default, also those that
# the document holds as Long.  serialize() writes the time of an unreadable text as the beginning of 1970, a Set as an
# empty object, and an array of doubles as an object of its positions.  None of this is an error:
#                                                    Python             JavaScript
#   JSON of the Long 9007199254740993                9007199254740993   9007199254740992
#   JSON of the Long 9223372036854775807             9223372036854775807  9223372036854776000, past 64 bits
#   9007199254740993 in JSON, as BSON                9007199254740993   9007199254740992.0
#   new Date("29.11.2026 5:06")                                         1970-01-01T00:00:00
#   new Set([3, 5])                                                     {}
#   new Float64Array([0.5, 0.9])                                        {"0": 0.5, "1": 0.9}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pymongo==4.20.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund bson@7.3.4
cat >write.py <<'PYTHON'
import bson
from bson import json_util

for number in (2**53 + 1, 2**63 - 1):
    document = {"count": bson.Int64(number)}
    print("Python", json_util.dumps(document), "BSON", bson.encode(document).hex())
print("Python", bson.decode(bson.encode(json_util.loads('{"count": 9007199254740993}'))))
PYTHON
cat >seen.js <<'JAVASCRIPT'
const { EJSON, deserialize, serialize } = require("bson");
const fs = require("fs");

const lines = fs.readFileSync(0, "utf8").trim().split("\n");
for (const line of lines.filter((text) => text.includes("BSON"))) {
  const document = deserialize(Buffer.from(line.split("BSON ")[1], "hex"));
  console.log("JavaScript", EJSON.stringify(document), "of", document.count.constructor.name, String(document.count));
}
const VALUES = {
  json: EJSON.parse('{"count": 9007199254740993}').count,
  date: new Date("29.11.2026 5:06"), set: new Set([3, 5]), array: new Float64Array([0.5, 0.9]),
};
for (const [name, value] of Object.entries(VALUES)) {
  console.log("BSON", Buffer.from(serialize({ [name]: value })).toString("hex"));
}
JAVASCRIPT
cat >read.py <<'PYTHON'
import sys

import bson

for line in sys.stdin:
    if line.startswith("BSON"):
        for name, value in bson.decode(bytes.fromhex(line.split()[1])).items():
            print("JavaScript", name, value)
    else:
        print(line, end="")
PYTHON
venv/bin/python write.py >python.txt
(
  sed 's/ BSON.*//' python.txt
  node seen.js <python.txt | venv/bin/python read.py
) >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
Python {"count": 9007199254740993}
Python {"count": 9223372036854775807}
Python {'count': 9007199254740993}
JavaScript {"count":9007199254740992} of Long 9007199254740993
JavaScript {"count":9223372036854776000} of Long 9223372036854775807
JavaScript json 9007199254740992.0
JavaScript date 1970-01-01 00:00:00
JavaScript set {}
JavaScript array {'0': 0.5, '1': 0.9}
EXPECTED
echo "as described"
