#!/usr/bin/env bash
# @amplitude/experiment-core 0.13.6 (npm) and amplitude-experiment 1.13.0 (PyPI) contain the engines that decide flags
# in Amplitude's SDKs for JavaScript and Python.  Both decide one flag for the same user.
# Expected: both decide alike, so that a user is in one group, whichever service asks.
# Seen: Python takes 0, false and an empty text for an absent property.  It writes true as True and 7.0 as 7.0, so that
# patterns match others, and users whose number has a point are in another half.  Where a property is no number, Python
# compares texts, and JavaScript reads hexadecimal digits.  There is no error:
#   operator      of the flag  of the user  JavaScript  Python
#   is            "0"          0            on          off
#   is            "false"      false        on          off
#   less          "5"          0            on          off
#   is            "(none)"     0            off         on
#   is            "(none)"     ""           off         on
#   is            "7"          7.0          on          off
#   greater       "0"          true         off         on
#   greater       "5"          "abc"        off         on
#   greater       "5"          "0x10"       on          off
#   regex match   "^true$"     true         on          off
#   regex match   "^\\w+$"     "Łódź"       off         on
#   A flag for half of the users is the same for all of the users 0, 1, ..., 999, and for 503 of 0.0, 1.0, ..., 999.0.
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet amplitude-experiment==1.13.0
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @amplitude/experiment-core@0.13.6
cat >cases.json <<'JSON'
[
  ["is", "0", 0],
  ["is", "false", false],
  ["less", "5", 0],
  ["is", "(none)", 0],
  ["is", "(none)", ""],
  ["is", "7", 7.0],
  ["greater", "0", true],
  ["greater", "5", "abc"],
  ["greater", "5", "0x10"],
  ["regex match", "^true$", true],
  ["regex match", "^\\w+$", "Łódź"]
]
JSON
cat >flags.py <<'PYTHON'
"""The flags and the users for whom they are decided."""

import json


def flag(segment):
    return {"key": "flag", "variants": {"on": {"key": "on"}, "off": {"key": "off"}}, "segments": [segment]}


with open("cases.json") as file:
    cases = json.load(file)
requests = []
for operator, value, property_value in cases:
    condition = {"selector": ["context", "user", "value"], "op": operator, "values": [value]}
    requests.append([flag({"conditions": [[condition]], "variant": "on"}), {"value": property_value}])
distributions = [{"variant": "on", "range": [0, 42949673]}]
bucket = {
    "selector": ["context", "user", "id"], "salt": "salt",
    "allocations": [{"range": [0, 50], "distributions": distributions}],
}
half = flag({"bucket": bucket, "variant": "off"})
requests += [[half, {"id": number}] for number in range(1000)]
requests += [[half, {"id": float(number)}] for number in range(1000)]
with open("requests.json", "w") as file:
    json.dump(requests, file)
PYTHON
cat >decide.py <<'PYTHON'
import json

from amplitude_experiment.evaluation.engine import EvaluationEngine
from amplitude_experiment.evaluation.types import EvaluationFlag

with open("requests.json") as file:
    requests = json.load(file)
engine = EvaluationEngine()
decided = [engine.evaluate({"user": user}, [EvaluationFlag.from_dict(flag)]).get("flag") for flag, user in requests]
answers = [variant.key if variant else "off" for variant in decided]
with open("javascript.json") as file:
    others = json.load(file)
with open("cases.json") as file:
    cases = json.load(file)
for case, other, answer in zip(cases, others, answers):
    print(*[json.dumps(part, ensure_ascii=False) for part in case], other, answer)
for name, start in (("0, 1, ...", len(cases)), ("0.0, 1.0, ...", len(cases) + 1000)):
    pairs = zip(others[start : start + 1000], answers[start : start + 1000], strict=True)
    print(f"users {name}:", sum(other == answer for other, answer in pairs))
PYTHON
cat >decide.cjs <<'JAVASCRIPT'
const { writeFileSync } = require("fs");
const { EvaluationEngine } = require("@amplitude/experiment-core");
const engine = new EvaluationEngine();
const answers = require("./requests.json").map(([flag, user]) => engine.evaluate({ user }, [flag]).flag?.key ?? "off");
writeFileSync("javascript.json", JSON.stringify(answers));
JAVASCRIPT
venv/bin/python flags.py
node decide.cjs
venv/bin/python decide.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
"is" "0" 0 on off
"is" "false" false on off
"less" "5" 0 on off
"is" "(none)" 0 off on
"is" "(none)" "" off on
"is" "7" 7.0 on off
"greater" "0" true off on
"greater" "5" "abc" off on
"greater" "5" "0x10" on off
"regex match" "^true$" true on off
"regex match" "^\\w+$" "Łódź" off on
users 0, 1, ...: 1000
users 0.0, 1.0, ...: 503
EXPECTED
echo "as described"
