#!/usr/bin/env bash
# @featbit/node-server-sdk 1.3.0 (npm) and fb-python-sdk 1.2.1 (PyPI) decide one flag of FeatBit for the same user.
# Expected: both decide alike, and a pattern of the flag is looked for in the text of the user.
# Seen: JavaScript takes the text of the user for the pattern, and looks for it in the flag's pattern, so that nearly
# no pattern matches.  It takes the beginning of a text for a number, such as a version.  Python rounds to five digits
# after the point, and reads other texts as numbers.  There is no error:
#   operator       of the flag  of the user  JavaScript  Python
#   MatchRegex     "^115\\."    "115.0"      off         on
#   NotMatchRegex  "^115\\."    "115.0"      on          off
#   MatchRegex     "^beta$"     "a"          on          off
#   BiggerThan     "100"        "115.0.1"    on          off
#   BiggerThan     "100"        "115esr"     on          off
#   LessThan       "1.000002"   "1.000001"   on          off
#   BiggerThan     "5"          "1_0"        off         on
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fb-python-sdk==1.2.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @featbit/node-server-sdk@1.3.0
cat >cases.json <<'JSON'
[
  ["MatchRegex", "^115\\.", "115.0"],
  ["NotMatchRegex", "^115\\.", "115.0"],
  ["MatchRegex", "^beta$", "a"],
  ["BiggerThan", "100", "115.0.1"],
  ["BiggerThan", "100", "115esr"],
  ["LessThan", "1.000002", "1.000001"],
  ["BiggerThan", "5", "1_0"]
]
JSON
cat >flags.py <<'PYTHON'
import json


def everyone(variation):
    return {"dispatchKey": None, "variations": [{"id": variation, "rollout": [0, 1], "exptRollout": 1}]}


with open("cases.json") as file:
    cases = json.load(file)
flags = []
for operator, value, _ in cases:
    condition = {"property": "version", "op": operator, "value": value}
    flags.append({
        "key": "flag", "name": "flag", "isEnabled": True, "disabledVariationId": "off", "variationType": "string",
        "variations": [{"id": "on", "value": "on"}, {"id": "off", "value": "off"}],
        "variationMap": {"on": "on", "off": "off"}, "targetUsers": [],
        "rules": [{"name": "rule", "conditions": [condition], **everyone("on")}], "fallthrough": everyone("off"),
    })
with open("flags.json", "w") as file:
    json.dump(flags, file)
PYTHON
cat >decide.py <<'PYTHON'
import json

from fbclient.common_types import FBUser
from fbclient.evaluator import Evaluator

with open("flags.json") as file:
    flags = json.load(file)
with open("cases.json") as file:
    cases = json.load(file)
evaluator = Evaluator(lambda key: None, lambda key: None)
for flag, (_, _, version) in zip(flags, cases, strict=True):
    user = FBUser.from_dict({"key": "user", "name": "user", "version": version})
    print(evaluator.evaluate(flag, user).value)
PYTHON
cat >decide.cjs <<'JAVASCRIPT'
const crypto = require("crypto");
const { UserBuilder } = require("@featbit/node-server-sdk");
const engine = "./node_modules/@featbit/node-server-sdk/dist/cjs";
const Context = require(`${engine}/Context`).default;
const Evaluator = require(`${engine}/evaluation/Evaluator`).default;

const flags = require("./flags.json");
for (const [index, [operator, value, version]] of require("./cases.json").entries()) {
  const user = new UserBuilder("user").name("user").custom("version", version).build();
  const evaluator = new Evaluator({ crypto }, { get: () => flags[index] });
  const [result] = evaluator.evaluate("flag", Context.fromUser(user));
  console.log(operator, JSON.stringify(value), JSON.stringify(version), result.value);
}
JAVASCRIPT
venv/bin/python flags.py
venv/bin/python decide.py >python.txt
node decide.cjs >javascript.txt
paste -d ' ' javascript.txt python.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
MatchRegex "^115\\." "115.0" off on
NotMatchRegex "^115\\." "115.0" on off
MatchRegex "^beta$" "a" on off
BiggerThan "100" "115.0.1" on off
BiggerThan "100" "115esr" on off
LessThan "1.000002" "1.000001" on off
BiggerThan "5" "1_0" off on
EXPECTED
echo "as described"
