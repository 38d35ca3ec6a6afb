#!/usr/bin/env bash
# statsig-node 6.5.2 (npm) and statsig 0.72.1 (PyPI) decide one gate by the same rules for the same user, in local mode
# with the same configuration.
# Expected: both decide alike, so that a user is in one group, whichever service asks.
# Seen: they decide otherwise, without an error.  A version that is a number passes in Python only.  The text 1 equals
# the number 1 in JavaScript only.  Python writes true as True and 7.0 as 7.0 before it compares them with a text.
# Python finds no 0 in a list, and JavaScript finds 1 for 1.5.  Python does not read a time that is a text:
#   operator            of the rule    of the user             JavaScript  Python
#   eq                  1              "1"                     pass        fail
#   version_gte         "115.0"        115                     fail        pass
#   version_gte         "115.0"        115.5                   fail        pass
#   any                 ["7"]          7.0                     pass        fail
#   any_case_sensitive  ["true"]       true                    pass        fail
#   str_matches         "^true$"       true                    pass        fail
#   lt                  5              ""                      pass        fail
#   array_contains_any  ["0"]          [0]                     pass        fail
#   array_contains_any  ["1.5"]        [1]                     pass        fail
#   array_contains_any  [1]            ["1"]                   fail        pass
#   before              1700000000000  "2020-01-01T00:00:00Z"  pass        fail
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet statsig==0.72.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund statsig-node@6.5.2
cat >cases.json <<'JSON'
[
  ["eq", 1, "1"],
  ["version_gte", "115.0", 115],
  ["version_gte", "115.0", 115.5],
  ["any", ["7"], 7.0],
  ["any_case_sensitive", ["true"], true],
  ["str_matches", "^true$", true],
  ["lt", 5, ""],
  ["array_contains_any", ["0"], [0]],
  ["array_contains_any", ["1.5"], [1]],
  ["array_contains_any", [1], ["1"]],
  ["before", 1700000000000, "2020-01-01T00:00:00Z"]
]
JSON
cat >gates.py <<'PYTHON'
import json

with open("cases.json") as file:
    cases = json.load(file)
gates = []
for number, (operator, target, _) in enumerate(cases):
    condition = {"type": "user_field", "field": "value", "operator": operator, "targetValue": target}
    rule = {
        "name": "rule", "id": "rule", "salt": "salt", "idType": "userID", "passPercentage": 100, "returnValue": True,
        "conditions": [{**condition, "idType": "userID", "additionalValues": {}}],
    }
    gates.append({
        "name": f"gate-{number}", "type": "feature_gate", "entity": "feature_gate", "salt": "salt", "enabled": True,
        "idType": "userID", "defaultValue": False, "rules": [rule],
    })
configuration = {"feature_gates": gates, "dynamic_configs": [], "layer_configs": [], "has_updates": True, "time": 1}
with open("configuration.json", "w") as file:
    json.dump(configuration, file)
PYTHON
cat >decide.py <<'PYTHON'
import json

from statsig import StatsigOptions, StatsigUser, statsig

with open("cases.json") as file:
    cases = json.load(file)
with open("configuration.json") as file:
    statsig.initialize("secret-key", StatsigOptions(local_mode=True, bootstrap_values=file.read()))
with open("python.txt", "w") as file:
    for number, (_, _, value) in enumerate(cases):
        passes = statsig.check_gate(StatsigUser("user", custom={"value": value}), f"gate-{number}")
        print("pass" if passes else "fail", file=file)
statsig.shutdown()
PYTHON
cat >decide.cjs <<'JAVASCRIPT'
const { readFileSync } = require("fs");
const statsig = require("statsig-node");

async function main() {
  const bootstrapValues = readFileSync("configuration.json", "utf8");
  await statsig.initialize("secret-key", { localMode: true, bootstrapValues });
  for (const [number, [operator, target, value]] of require("./cases.json").entries()) {
    const passes = statsig.checkGateSync({ userID: "user", custom: { value } }, `gate-${number}`);
    console.log(operator, JSON.stringify(target), JSON.stringify(value), passes ? "pass" : "fail");
  }
  await statsig.shutdownAsync();
}

main();
JAVASCRIPT
venv/bin/python gates.py
venv/bin/python decide.py >/dev/null 2>&1
node decide.cjs >javascript.txt
paste -d ' ' javascript.txt python.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
eq 1 "1" pass fail
version_gte "115.0" 115 fail pass
version_gte "115.0" 115.5 fail pass
any ["7"] 7 pass fail
any_case_sensitive ["true"] true pass fail
str_matches "^true$" true pass fail
lt 5 "" pass fail
array_contains_any ["0"] [0] pass fail
array_contains_any ["1.5"] [1] pass fail
array_contains_any [1] ["1"] fail pass
before 1700000000000 "2020-01-01T00:00:00Z" pass fail
EXPECTED
echo "as described"
