#!/usr/bin/env bash
# crc32 0.2.2 (npm) gives the CRC-32 of a text, by which Firefox's telemetry puts clients into 100 samples (sample_id).
# Its README.md says that it "only works with UTF-8 strings".  Python's zlib gives the CRC-32 of the UTF-8 bytes.
# Expected: the same checksum in eight hexadecimal digits, for a text and for a Buffer of its bytes in UTF-8.
# Seen: it takes the low 8 bits of each unit of UTF-16, so other texts have other checksums than in Python, and
# different texts have one.  A checksum below 2**28 has fewer than eight digits.  Only those of a Buffer are right:
#   "c641eacf-c30c-4171-b403-f077724e848a": zlib df92d453, crc32 "df92d453" of a Buffer "df92d453"
#   "Z\u00fcrich": zlib d30ba93e, crc32 "1a9a7ed8" of a Buffer "d30ba93e"
#   "\u00e9": zlib 0e048d3e, crc32 "bd4b551" of a Buffer "e048d3e"
#   "\u01e9": zlib 6a68483a, crc32 "bd4b551" of a Buffer "6a68483a"
#   "\u65e5\u672c": zlib c7b7cdcc, crc32 "500879b5" of a Buffer "c7b7cdcc"
#   "": zlib 00000000, crc32 "0" of a Buffer "0"
# Needs Node.js 18 or newer and npm, and Python 3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund crc32@0.2.2
cat >texts.json <<'JSON'
["c641eacf-c30c-4171-b403-f077724e848a", "Z\u00fcrich", "\u00e9", "\u01e9", "\u65e5\u672c", ""]
JSON
cat >seen.js <<'JAVASCRIPT'
const crc32 = require("crc32");
for (const text of require("./texts.json")) {
  console.log(JSON.stringify(crc32(text)), "of a Buffer", JSON.stringify(crc32(Buffer.from(text))));
}
JAVASCRIPT
cat >seen.py <<'PYTHON'
import json
import zlib

with open("texts.json") as file:
    for text in json.load(file):
        print(f"{json.dumps(text)}: zlib {zlib.crc32(text.encode()):08x}, crc32")
PYTHON
paste -d ' ' <(python3 seen.py) <(node seen.js) | tee seen.txt
diff seen.txt - <<'EXPECTED'
"c641eacf-c30c-4171-b403-f077724e848a": zlib df92d453, crc32 "df92d453" of a Buffer "df92d453"
"Z\u00fcrich": zlib d30ba93e, crc32 "1a9a7ed8" of a Buffer "d30ba93e"
"\u00e9": zlib 0e048d3e, crc32 "bd4b551" of a Buffer "e048d3e"
"\u01e9": zlib 6a68483a, crc32 "bd4b551" of a Buffer "6a68483a"
"\u65e5\u672c": zlib c7b7cdcc, crc32 "500879b5" of a Buffer "c7b7cdcc"
"": zlib 00000000, crc32 "0" of a Buffer "0"
EXPECTED
echo "as described"
