#!/usr/bin/env bash
# pika 1.4.4 (Python) and amqplib 2.3.1 (JavaScript) write the headers of a message for AMQP, and read those of the
# other.  No broker takes part: it passes headers on as they are.
# Expected: a number, a decimal and a time arrive as they were, or are refused.
# Seen: pika cuts the fraction of each double that it reads, and has no way to write one.  amqplib writes a Date, a Map
# and a Set as an empty table.  It reads the digits of a negative decimal from pika as a positive number, and rounds
# whole numbers past 2**53.  None of this is an error:
#   written by amqplib            read by pika
#   0.97                          0
#   1.5                           1
#   1e20                          100000000000000000000
#   new Date(0)                   {}
#   new Map([["tabs", 3]])        {}
#   written by pika               read by amqplib
#   Decimal("1.5")                15, 1 place
#   Decimal("-1.5")               4294967281, 1 place
#   2**53 + 1                     9007199254740992
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pika==1.4.4
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund amqplib@2.3.1
cat >write.js <<'JAVASCRIPT'
const codec = require("./node_modules/amqplib/lib/codec.js");

const VALUES = {
  ratio: 0.97, half: 1.5, large: 1e20, count: 3, date: new Date(0), map: new Map([["tabs", 3]]), set: new Set([3]),
};
for (const [name, value] of Object.entries(VALUES)) {
  const buffer = Buffer.alloc(1000);
  const size = codec.encodeTable(buffer, { [name]: value }, 0);
  console.log(buffer.subarray(0, size).toString("hex"));
}
JAVASCRIPT
cat >read.py <<'PYTHON'
import sys

from pika.data import decode_table

for line in sys.stdin:
    headers, _ = decode_table(bytes.fromhex(line), 0)
    for name, value in headers.items():
        print(name, repr(value).removesuffix("L"))
PYTHON
cat >write.py <<'PYTHON'
from decimal import Decimal

from pika.data import encode_table
from pika.exceptions import UnsupportedAMQPFieldException

VALUES = {"decimal": Decimal("1.5"), "negative": Decimal("-1.5"), "large": 2**53 + 1, "fraction": 1.5}
for name, value in VALUES.items():
    pieces = []
    try:
        encode_table(pieces, {name: value})
    except UnsupportedAMQPFieldException as error:
        print(f"{name} {type(error).__name__}")
    else:
        print(f"{name} {b''.join(pieces).hex()}")
PYTHON
cat >read.js <<'JAVASCRIPT'
const codec = require("./node_modules/amqplib/lib/codec.js");
const fs = require("fs");

for (const line of fs.readFileSync(0, "utf8").trim().split("\n")) {
  const [name, hex] = line.split(" ");
  const isRefused = hex.startsWith("Unsupported");
  const value = isRefused ? hex : codec.decodeFields(Buffer.from(hex, "hex").subarray(4))[name];
  console.log(name, JSON.stringify(value));
}
JAVASCRIPT
(
  node write.js | venv/bin/python read.py
  venv/bin/python write.py | node read.js
) >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
ratio 0
half 1
large 100000000000000000000
count 3
date {}
map {}
set {}
decimal {"!":"decimal","value":{"places":1,"digits":15}}
negative {"!":"decimal","value":{"places":1,"digits":4294967281}}
large 9007199254740992
fraction "UnsupportedAMQPFieldException"
EXPECTED
echo "as described"
