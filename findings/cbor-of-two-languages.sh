#!/usr/bin/env bash
# cbor2 6.3.0 (Python) and three libraries for JavaScript read and write CBOR: cbor2 2.3.0, cbor-x 1.6.9 and
# cborg 6.1.5.
# Expected: bytes arrive as bytes, numbers as numbers, the moment in milliseconds as a whole number, and each key once.
# What a library cannot write it refuses.
# Seen: cbor2 for JavaScript writes a Buffer as a map, as JSON.stringify() would.  cbor-x writes a whole number from
# 2**32 on as a double and a URL as an empty map, and reads the keys 1 and "1" as one.  cborg writes an array of doubles
# as bytes without a type.  None of this is an error.  Python reads:
#                                    cbor2 for JavaScript       cbor-x              cborg
#   Buffer.from([97, 98])            a map of type and data     b"ab"               b"ab"
#   1795928767123, a time in ms      1795928767123              1795928767123.0     1795928767123
#   4294967295, 4294967296           4294967295, 4294967296     4294967295, 4294967296.0  4294967295, 4294967296
#   new Float64Array([0.5])          of tag 86, doubles         of tag 86, doubles  b"\0\0\0\0\0\0\xe0?"
#   new URL("https://example.com/")  of tag 32, a URI           {}                  refused
#   {1: "a", "1": "b"} from Python   two keys                   {"1": "b"}          refused
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet cbor2==6.3.0
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund cbor2@2.3.0 cbor-x@1.6.9 cborg@6.1.5
cat >write.mjs <<'JAVASCRIPT'
import * as cbor2 from "cbor2";
import * as cborX from "cbor-x";
import * as cborg from "cborg";

const VALUES = {
  bytes: Buffer.from([97, 98]), time: 1795928767123, numbers: [4294967295, 4294967296],
  doubles: new Float64Array([0.5]), url: new URL("https://example.com/"),
};
const KEYS = Buffer.from(process.argv[2], "hex");
for (const [library, { decode, encode }] of Object.entries({ cbor2, "cbor-x": cborX, cborg })) {
  for (const [name, value] of Object.entries(VALUES)) {
    let hex = "refused";
    try {
      hex = Buffer.from(encode(value)).toString("hex");
    } catch {}
    console.log(library, name, hex);
  }
  let keys = "refused";
  try {
    const value = decode(KEYS);
    keys = value instanceof Map ? `Map${JSON.stringify([...value])}` : JSON.stringify(value);
  } catch {}
  console.log(library, "keys =", keys);
}
JAVASCRIPT
cat >read.py <<'PYTHON'
import sys

import cbor2

for line in sys.stdin:
    library, name, written = line.rstrip("\n").split(" ", 2)
    if written != "refused" and not written.startswith("="):
        written = cbor2.loads(bytes.fromhex(written))
        if isinstance(written, cbor2.CBORTag):
            written = f"tag {written.tag}, {written.value!r}"
    print(library, name, written)
PYTHON
keys=$(venv/bin/python -c 'import cbor2; print(cbor2.dumps({1: "a", "1": "b"}).hex())')
node write.mjs "$keys" | venv/bin/python read.py >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
cbor2 bytes {'type': 'Buffer', 'data': [97, 98]}
cbor2 time 1795928767123
cbor2 numbers [4294967295, 4294967296]
cbor2 doubles tag 86, b'\x00\x00\x00\x00\x00\x00\xe0?'
cbor2 url tag 32, 'https://example.com/'
cbor2 keys = Map[[1,"a"],["1","b"]]
cbor-x bytes b'ab'
cbor-x time 1795928767123.0
cbor-x numbers [4294967295, 4294967296.0]
cbor-x doubles tag 86, b'\x00\x00\x00\x00\x00\x00\xe0?'
cbor-x url {}
cbor-x keys = {"1":"b"}
cborg bytes b'ab'
cborg time 1795928767123
cborg numbers [4294967295, 4294967296]
cborg doubles b'\x00\x00\x00\x00\x00\x00\xe0?'
cborg url refused
cborg keys = refused
EXPECTED
echo "as described"
