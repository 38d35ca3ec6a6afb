#!/usr/bin/env bash
# jmespath 0.16.0 (npm), @jmespath-community/jmespath 1.3.0 (npm) and jmespath 1.1.0 (PyPI) evaluate JMESPath.
# Expected: one answer to one expression on one document; the language defines these functions and comparisons.
# Seen: other answers, without an error.  Both for JavaScript sort numbers as texts.  The one for Python takes true for
# 1 inside of a list, and reads numbers as Python's float() does:
#                                                  document                Python    npm         community
#   sort(@)                                        [10, 9, 1]              [1,9,10]  [1,10,9]    [1,10,9]
#   contains(@, `1`)                               [true]                  true      false       false
#   [?a == `[1]`].b                                [{"a":[true],"b":7}]    [7]       []          []
#   to_number(@)                                   ""                      null      0           0
#   to_number(@)                                   "0x10"                  null      16          16
#   to_number(@)                                   "1_000"                 1000      null        null
#   avg(@)                                         []                      null      NaN         null
#   [?a > `"b"`].a                                 [{"a":"c"}]             ["c"]     ["c"]       []
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jmespath==1.1.0
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund jmespath@0.16.0 @jmespath-community/jmespath@1.3.0
cat >cases.json <<'JSON'
[
  ["sort(@)", [10, 9, 1]],
  ["contains(@, `1`)", [true]],
  ["[?a == `[1]`].b", [{"a": [true], "b": 7}]],
  ["to_number(@)", ""],
  ["to_number(@)", "0x10"],
  ["to_number(@)", "1_000"],
  ["avg(@)", []],
  ["[?a > `\"b\"`].a", [{"a": "c"}]]
]
JSON
cat >seen.py <<'PYTHON'
import json

import jmespath

for expression, document in json.load(open("cases.json")):
    print(json.dumps(jmespath.search(expression, document), separators=(",", ":")))
PYTHON
cat >seen.js <<'JAVASCRIPT'
const { search } = require(process.argv[2]);
for (const [expression, document] of require("./cases.json")) {
  const found = search(document, expression);
  console.log(Number.isNaN(found) ? "NaN" : JSON.stringify(found));
}
JAVASCRIPT
venv/bin/python seen.py >python.txt
node seen.js jmespath >npm.txt
node seen.js @jmespath-community/jmespath >community.txt
paste -d ' ' python.txt npm.txt community.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
[1,9,10] [1,10,9] [1,10,9]
true false false
[7] [] []
null 0 0
null 16 16
1000 null null
null NaN null
["c"] ["c"] []
EXPECTED
echo "as described"
