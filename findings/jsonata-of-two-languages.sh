#!/usr/bin/env bash
# jsonata 2.2.2 (npm, the reference) and jsonata-python 0.7.1 (PyPI) evaluate JSONata.
# Expected: one answer to one expression on one document.
# Seen: other answers, without an error.  The one for Python cuts the remainder of fractions to a whole number, takes
# true for 1 in lists, rounds halves up, and reads `1_000` as a number:
#                               document                JavaScript          Python
#   a % b                       {"a":5.5,"b":2}         1.5                 1
#   a in b                      {"a":1,"b":[true]}      false               true
#   $distinct(a)                {"a":[1,true,0,false]}  [1,true,0,false]    [1,0]
#   $formatNumber(0.125,'0.00') {}                      "0.12"              "0.13"
#   $number('1_000')            {}                      an error            1000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jsonata-python==0.7.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund jsonata@2.2.2
cat >cases.json <<'JSON'
[
  ["a % b", {"a": 5.5, "b": 2}],
  ["a in b", {"a": 1, "b": [true]}],
  ["$distinct(a)", {"a": [1, true, 0, false]}],
  ["$formatNumber(0.125,'0.00')", {}],
  ["$number('1_000')", {}]
]
JSON
cat >seen.py <<'PYTHON'
import json

import jsonata

for expression, document in json.load(open("cases.json")):
    print(json.dumps(jsonata.Jsonata(expression).evaluate(document), separators=(",", ":")))
PYTHON
cat >seen.js <<'JAVASCRIPT'
const jsonata = require("jsonata");

async function evaluated(expression, document) {
  try {
    return JSON.stringify(await jsonata(expression).evaluate(document));
  } catch (error) {
    return error.code;
  }
}

(async () => {
  for (const [expression, document] of require("./cases.json")) {
    console.log(await evaluated(expression, document));
  }
})();
JAVASCRIPT
node seen.js >javascript.txt
venv/bin/python seen.py >python.txt
paste -d ' ' javascript.txt python.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
1.5 1
false true
[1,true,0,false] [1,0]
"0.12" "0.13"
D3030 1000
EXPECTED
echo "as described"
