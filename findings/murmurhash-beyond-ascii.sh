#!/usr/bin/env bash
# Four libraries of MurmurHash3 with 32 bits for JavaScript, and mmh3 5.3.1 for Python: imurmurhash 0.1.4,
# murmurhash-js 1.0.0, murmurhash3js 3.0.1 and murmurhash 2.0.1 (npm).
# Expected: one hash for one text, as the READMEs say nothing about letters beyond ASCII; texts in another script are as
# evenly spread as others.
# Seen: murmurhash alone agrees with Python.  murmurhash-js and murmurhash3js take the low 8 bits of each unit of
# UTF-16, so that different texts get one hash.  imurmurhash leaves out the last three letters if the third of them is
# U+8000 or higher, where the length is 3, 7, 11 and so on, so that the names of four languages get one hash:
#                                       mmh3        murmurhash  imurmurhash  murmurhash-js  murmurhash3js
#   "client"                            3153294166  3153294166  3153294166   3153294166     3153294166
#   "Z\u00fcrich"                       694770001   694770001   2438431353   2438431353     2438431353
#   hashes of 10,000 texts of ASCII     10000       10000       10000        10000          10000
#   hashes of 4 words ending in U+8A9E   4           4           1            4              4
#   hashes of U+00E9 and U+01E9         2           2           2            1              1
#   hashes of a Russian word and ASCII  2           2           2            1              1
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmh3==5.3.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund murmurhash@2.0.1 imurmurhash@0.1.4 murmurhash-js@1.0.0 murmurhash3js@3.0.1
cat >texts.json <<'JSON'
{
  "languages": ["日本語", "中国語", "韓国語", "独逸語"],
  "letters": ["\u00e9", "\u01e9"],
  "words": ["Москва", "\u001c>A:20"]
}
JSON
cat >seen.js <<'JAVASCRIPT'
const murmurhash = require("murmurhash");
const imurmurhash = require("imurmurhash");
const { murmur3 } = require("murmurhash-js");
const { x86 } = require("murmurhash3js");
const texts = require("./texts.json");
const libraries = {
  murmurhash: (text) => murmurhash.v3(text),
  imurmurhash: (text) => imurmurhash(text).result(),
  "murmurhash-js": (text) => murmur3(text),
  murmurhash3js: (text) => x86.hash32(text),
};
const clients = [...Array(10000).keys()].map((number) => `client ${number}`);
for (const [name, hash] of Object.entries(libraries)) {
  const different = [clients, ...Object.values(texts)].map((group) => new Set(group.map(hash)).size);
  console.log([name, hash("client"), hash("Zürich"), ...different].join(" "));
}
JAVASCRIPT
cat >seen.py <<'PYTHON'
import json

import mmh3

with open("texts.json") as file:
    texts = json.load(file)


def hash_of(text):
    return mmh3.hash(text, signed=False)


groups = [[f"client {number}" for number in range(10000)], *texts.values()]
different = [len({hash_of(text) for text in group}) for group in groups]
print("mmh3", hash_of("client"), hash_of("Zürich"), *different)
PYTHON
venv/bin/python seen.py | tee seen.txt
node seen.js | tee -a seen.txt
diff seen.txt - <<'EXPECTED'
mmh3 3153294166 694770001 10000 4 2 2
murmurhash 3153294166 694770001 10000 4 2 2
imurmurhash 3153294166 2438431353 10000 1 2 2
murmurhash-js 3153294166 2438431353 10000 4 1 1
murmurhash3js 3153294166 2438431353 10000 4 1 1
EXPECTED
echo "as described"
