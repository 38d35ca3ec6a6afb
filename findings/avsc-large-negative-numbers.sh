#!/usr/bin/env bash
# avsc 5.7.9 (npm) writes and reads numbers by the Avro schema "long".
# Expected: each whole number that JavaScript can hold is read as it was, or is an error.
# Seen: from -(2**52) - 1 on down to -(2**53) + 1 a number is read as a positive one, without an error, also where
# another library has written it.  Odd numbers are off by one besides.  The positive numbers of that size are right:
#   written               avsc, from avsc        avsc, from fastavro
#   -4503599627370496     -4503599627370496      -4503599627370496
#   -4503599627370497     4503599627370496       4503599627370496
#   -9007199254740990     9007199254740990       9007199254740990
#   4503599627370497      4503599627370497       4503599627370497
#   9007199254740990      9007199254740990       9007199254740990
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fastavro==1.13.1
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund avsc@5.7.9 >/dev/null
cat > read.cjs <<'JAVASCRIPT'
const avro = require("avsc");
const long = avro.Type.forSchema("long");
const written = JSON.parse(require("fs").readFileSync(0));
const seen = written.map(([value, hex]) => [
  long.fromBuffer(long.toBuffer(value)), long.fromBuffer(Buffer.from(hex, "hex")),
]);
console.log(JSON.stringify(seen));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import io
import json
import subprocess

import fastavro

WANTED = {
    -(2**52): -(2**52),
    -(2**52) - 1: 2**52,
    -(2**53) + 2: 2**53 - 2,
    2**52 + 1: 2**52 + 1,
    2**53 - 2: 2**53 - 2,
}


def encoded(value):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, "long", value)
    assert fastavro.schemaless_reader(io.BytesIO(buffer.getvalue()), "long", None) == value
    return buffer.getvalue().hex()


asked = json.dumps([[value, encoded(value)] for value in WANTED])
node = subprocess.run(["node", "read.cjs"], input=asked, text=True, stdout=subprocess.PIPE, check=True)
for (value, wanted), seen in zip(WANTED.items(), json.loads(node.stdout), strict=True):
    print(f"{value:<21} {seen[0]:<22} {seen[1]}")
    assert seen == [wanted, wanted]
PYTHON
echo "as described"
