#!/usr/bin/env bash
# Two libraries of Python, jsonpath-ng 1.16.0 and python-jsonpath 2.2.2, and two of JavaScript, jsonpath-plus 11.3.0 and
# jsonpath 1.3.0, choose pings with one expression of JSONPath.
# Expected: the same pings, as RFC 9535 describes them: a number equals no text, a key that is there is chosen, also
# with `false` in it, and [-1] is the last one.
# Seen: the libraries of Python do so.  Those of JavaScript compare and choose as JavaScript does, also with the safe
# evaluation of jsonpath-plus, and find nothing for [-1], without an error:
#   the numbers of the pings for   jsonpath-ng   python-jsonpath   jsonpath-plus   jsonpath
#   [?(@.version == 115)]          2             2                 1, 2            1, 2
#   [?(@.version != '115')]        2, 3          2, 3              3               3
#   [?(@.tabs > 2)]                1             1                 1, 2            1, 2
#   [?(@.active)]                  1, 2, 3       1, 2, 3           1               1
#   [?(@.active == false)]         2             2                 2, 3            2, 3
#   [?(@.profile == null)]         1             1                 1, 2, 3         1, 2, 3
#   [-1]                           3             3                 none            none
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jsonpath-ng==1.16.0 python-jsonpath==2.2.2
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund jsonpath-plus@11.3.0 jsonpath@1.3.0
cat >cases.json <<'JSON'
{
  "pings": [
    {"number": 1, "version": "115", "tabs": 3, "active": true, "profile": null},
    {"number": 2, "version": 115, "tabs": "3", "active": false},
    {"number": 3, "version": "115.1", "active": 0}
  ],
  "parts": [
    "[?(@.version == 115)]", "[?(@.version != '115')]", "[?(@.tabs > 2)]", "[?(@.active)]", "[?(@.active == false)]",
    "[?(@.profile == null)]", "[-1]"
  ]
}
JSON
cat >seen.py <<'PYTHON'
import json

import jsonpath
from jsonpath_ng.ext import parse

with open("cases.json") as file:
    cases = json.load(file)
for part in cases["parts"]:
    path = f"$.pings{part}.number"
    print(part, [match.value for match in parse(path).find(cases)], jsonpath.findall(path, cases))
PYTHON
cat >seen.cjs <<'JAVASCRIPT'
const { JSONPath } = require("jsonpath-plus");
const jsonpath = require("jsonpath");
const json = require("./cases.json");
for (const part of json.parts) {
  const path = `$.pings${part}.number`;
  const seen = [JSONPath({ path, json, eval: "safe" }), jsonpath.query(json, path)];
  console.log(seen.map((numbers) => `[${numbers.join(", ")}]`).join(" "));
}
JAVASCRIPT
venv/bin/python seen.py >python.txt
node seen.cjs >javascript.txt
paste -d ' ' python.txt javascript.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
[?(@.version == 115)] [2] [2] [1, 2] [1, 2]
[?(@.version != '115')] [2, 3] [2, 3] [3] [3]
[?(@.tabs > 2)] [1] [1] [1, 2] [1, 2]
[?(@.active)] [1, 2, 3] [1, 2, 3] [1] [1]
[?(@.active == false)] [2] [2] [2, 3] [2, 3]
[?(@.profile == null)] [1] [1] [1, 2, 3] [1, 2, 3]
[-1] [3] [3] [] []
EXPECTED
echo "as described"
