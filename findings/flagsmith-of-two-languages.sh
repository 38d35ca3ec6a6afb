#!/usr/bin/env bash
# flagsmith-flag-engine 11.1.1 (Python) and the engine in flagsmith-nodejs 8.1.2 put clients into segments; both SDKs
# evaluate flags on the client's side with them.
# Expected: one answer to one condition on one trait.
# Seen: other answers, without an error.  For JavaScript a condition on a number is a number, two texts are compared as
# texts, a regular expression is searched, and a remainder has the sign of the trait.  For Python a fraction is an
# unsuitable value for a whole number, texts with digits are compared as numbers, a regular expression has to match from
# the beginning, and a remainder has the sign of the divisor:
#   condition                  trait        Python   JavaScript
#   GREATER_THAN 4.5           5            false    true
#   NOT_EQUAL 5.5              5            false    true
#   LESS_THAN 10               "9"          true     false
#   IN 1.5,2                   1.5          false    true
#   REGEX beta                 "115-beta"   false    true
#   REGEX true                 true         false    true
#   MODULO 3|1                 -5           true     false
#   PERCENTAGE_SPLIT 30        true         true     false
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flagsmith-flag-engine==11.1.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund flagsmith-nodejs@8.1.2
cat >contexts.py <<'PYTHON'
import json

CASES = [
    ("GREATER_THAN", "4.5", 5),
    ("NOT_EQUAL", "5.5", 5),
    ("LESS_THAN", "10", "9"),
    ("IN", "1.5,2", 1.5),
    ("REGEX", "beta", "115-beta"),
    ("REGEX", "true", True),
    ("MODULO", "3|1", -5),
    ("PERCENTAGE_SPLIT", "30", True),
]


def context(operator, value, trait):
    condition = {"operator": operator, "property": "$.identity.traits.tabs", "value": value}
    segment = {"key": "1", "name": "chosen", "rules": [{"type": "ALL", "conditions": [condition]}], "overrides": []}
    return {
        "environment": {"key": "public", "name": "public"},
        "identity": {"identifier": "client", "key": "client", "traits": {"tabs": trait}},
        "features": {},
        "segments": {"1": segment},
    }


with open("contexts.json", "w") as file:
    json.dump([context(*case) for case in CASES], file)
PYTHON
cat >seen.py <<'PYTHON'
import json

from flag_engine.engine import get_evaluation_result

for context in json.load(open("contexts.json")):
    [condition] = context["segments"]["1"]["rules"][0]["conditions"]
    found = get_evaluation_result(context)["segments"]
    print(condition["operator"], condition["value"], json.dumps(len(found) == 1))
PYTHON
cat >seen.js <<'JAVASCRIPT'
const { getEvaluationResult } = require("./node_modules/flagsmith-nodejs/build/cjs/flagsmith-engine/index.js");
for (const context of require("./contexts.json")) {
  console.log(getEvaluationResult(context).segments.length === 1);
}
JAVASCRIPT
venv/bin/python contexts.py
venv/bin/python seen.py >python.txt
node seen.js >javascript.txt
paste -d ' ' python.txt javascript.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
GREATER_THAN 4.5 false true
NOT_EQUAL 5.5 false true
LESS_THAN 10 true false
IN 1.5,2 false true
REGEX beta false true
REGEX true false true
MODULO 3|1 true false
PERCENTAGE_SPLIT 30 true false
EXPECTED
echo "as described"
