#!/usr/bin/env bash
# A rule in JsonLogic, as flagd and others target clients by it, is evaluated by json-logic-js 2.0.5 and
# json-logic-engine 5.0.7 (npm), and by json-logic-qubit 0.9.1 and panzi-json-logic 1.0.1 (Python).
# Expected: one answer from all four, or an error from some.
# Seen: an absent attribute is less than 5 or not, and equal to 0 or not, in three combinations; an empty object is true
# or false; true and 1 are strictly equal for one; a remainder has the sign of the left or the right side; and an
# empty text is missing or not.  Two libraries of one language differ as much as two languages, and there are no errors
# but those shown:
#   rule                               json-logic-js   -engine         -qubit          panzi-
#   {"<": [{"var": "tabs"}, 5]}        true            true            false           true
#   {"==": [{"var": "tabs"}, 0]}       false           true            false           true
#   {"+": [{"var": "tabs"}, 1]}        NaN             1               error           1
#   {"!!": [{"var": "experiments"}]}   true            false           false           true
#   {"===": [{"var": "isDefault"}, 1]} false           false           false           true
#   {"==": [{"var": "version"}, 115]}  true            true            false           true
#   {"%": [{"var": "offset"}, 3]}      -1              -1              2               2
#   {"missing": ["channel"]}           ["channel"]     []              ["channel"]     ["channel"]
#   {"<": [{"var": "offset"}, 5]}      true            true            true            true
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Both packages for Python have the same module.
for package in json-logic-qubit==0.9.1 panzi-json-logic==1.0.1; do
  python3 -m venv "$folder/$package"
  "$folder/$package/bin/pip" install --quiet "$package"
done
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund json-logic-js@2.0.5 json-logic-engine@5.0.7 >/dev/null
cat > apply.cjs <<'JAVASCRIPT'
const jsonLogic = require("json-logic-js");
const { LogicEngine } = require("json-logic-engine");
const engine = new LogicEngine();
const [rules, client] = JSON.parse(require("fs").readFileSync(0));
function attempt(apply, rule) {
  try {
    const answer = apply(rule, client);
    return Number.isNaN(answer) ? "NaN" : JSON.stringify(answer);
  } catch {
    return "error";
  }
}
const names = [(rule, data) => jsonLogic.apply(rule, data), (rule, data) => engine.run(rule, data)];
console.log(JSON.stringify(names.map((apply) => rules.map((rule) => attempt(apply, rule)))));
JAVASCRIPT
cat > apply.py <<'PYTHON'
import json
import sys

from json_logic import jsonLogic

rules, client = json.load(sys.stdin)


def attempt(rule):
    try:
        return json.dumps(jsonLogic(rule, client), separators=(",", ":"))
    except Exception:
        return "error"


print(json.dumps([attempt(rule) for rule in rules]))
PYTHON
python3 - <<'PYTHON'
import json
import subprocess

CLIENT = {"channel": "", "experiments": {}, "isDefault": True, "offset": -7, "version": "115.0"}
# The rule, and the answers of the four libraries.
CASES = [
    ({"<": [{"var": "tabs"}, 5]}, "true true false true"),
    ({"==": [{"var": "tabs"}, 0]}, "false true false true"),
    ({"+": [{"var": "tabs"}, 1]}, "NaN 1 error 1"),
    ({"!!": [{"var": "experiments"}]}, "true false false true"),
    ({"===": [{"var": "isDefault"}, 1]}, "false false false true"),
    ({"==": [{"var": "version"}, 115]}, "true true false true"),
    ({"%": [{"var": "offset"}, 3]}, "-1 -1 2 2"),
    ({"missing": ["channel"]}, '["channel"] [] ["channel"] ["channel"]'),
    ({"<": [{"var": "offset"}, 5]}, "true true true true"),
]


def answers(*command):
    asked = json.dumps([[rule for rule, _ in CASES], CLIENT])
    return json.loads(subprocess.run(command, input=asked, text=True, stdout=subprocess.PIPE, check=True).stdout)


columns = answers("node", "apply.cjs")
columns += [answers(f"{name}/bin/python", "-W", "ignore", "apply.py") for name in (
    "json-logic-qubit==0.9.1", "panzi-json-logic==1.0.1",
)]
print(f"{'rule':<34} {'json-logic-js':<15} {'-engine':<15} {'-qubit':<15} panzi-")
for (rule, wanted), *seen in zip(CASES, *columns, strict=True):
    print(f"{json.dumps(rule):<34} {seen[0]:<15} {seen[1]:<15} {seen[2]:<15} {seen[3]}")
    assert " ".join(seen) == wanted, seen
PYTHON
echo "as described"
