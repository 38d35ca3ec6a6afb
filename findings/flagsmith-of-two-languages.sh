#!/usr/bin/env bash
# flagsmith-flag-engine 11.1.1 (Python) and the engine in flagsmith-nodejs 8.1.2 put clients into segments; both SDKs
# evaluate flags on the client's side with them.
# Expected: one answer to one condition on one trait.
# Seen: other answers, without an error.
# - Where the trait is a number, JavaScript converts the value of the condition to a number.  Python converts it to the
#   type of the trait, and 4.5 is no int.
# - JavaScript compares two texts as texts; Python takes the trait "9" for the number 9.
# - JavaScript looks for the text of the trait in a list (IN); Python looks for a fraction as a number, and the list
#   holds texts.
# - JavaScript searches a regular expression; in Python it has to match from the beginning.
# - JavaScript writes true as `true`, and Python as `True`.  They look for that text with a regular expression, and hash
#   it for PERCENTAGE_SPLIT.
# - In JavaScript a remainder has the sign of the trait, in Python that of the divisor.
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
