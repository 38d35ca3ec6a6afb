#!/usr/bin/env bash
# planout 5.3.0 (npm) has a bundle, planout_core_compatible, for the same decisions as planout 0.6.0 (PyPI) makes.  Both
# run the same scripts in PlanOut's language with the same JSON.  Python from 3.10 on needs the first line of seen.py
# and six to import planout.
# Expected: one decision for one client in both languages, and one value of one rule.
# Seen: identifiers that are whole numbers or plain texts lead to the same decisions.  Half of the clients get the other
# branch if their number has a point, as pandas writes a column of numbers in which one is absent.  Rules differ as
# well, without an error:
#                                Python  JavaScript
#   -7 % 3                       2       -1
#   round(2.5)                   2       3
#   1 == true                    true    false
#   [1] == [1]                   true    false
#   if ([])                      "no"    "yes"
#   min("10", "9")               "10"    9
#   clients with another branch: whole numbers 0 of 200, texts 0 of 200, numbers with a point 102 of 200,
#   true and false 1 of 2
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet planout==0.6.0 six==1.17.0
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund planout@5.3.0
cat >cases.py <<'PYTHON'
import json


def script(value):
    return {"op": "seq", "seq": [{"op": "set", "var": "decision", "value": value}]}


def array(*values):
    return {"op": "array", "values": list(values)}


HALF = script({"op": "bernoulliTrial", "p": 0.5, "unit": {"op": "get", "var": "client"}})
CLIENTS = {
    "whole numbers": list(range(200)),
    "texts": [f"c{number}" for number in range(200)],
    "with a point": [float(number) for number in range(200)],
    "true and false": [True, False],
}
RULES = {
    "-7 % 3": {"op": "%", "left": -7, "right": 3},
    "round(2.5)": {"op": "round", "value": 2.5},
    "1 == true": {"op": "equals", "left": 1, "right": True},
    "[1] == [1]": {"op": "equals", "left": array(1), "right": array(1)},
    "if ([])": {"op": "cond", "cond": [{"if": array(), "then": "yes"}, {"if": True, "then": "no"}]},
    'min("10", "9")': {"op": "min", "values": ["10", "9"]},
}
cases = [[name, HALF, {"client": client}] for name, clients in CLIENTS.items() for client in clients]
cases += [[name, script(rule), {}] for name, rule in RULES.items()]
with open("cases.json", "w") as file:
    json.dump(cases, file)
PYTHON
cat >seen.py <<'PYTHON'
import collections.abc; collections.MutableMapping = collections.abc.MutableMapping  # noqa: E702
import json

from planout.interpreter import Interpreter

with open("cases.json") as file:
    for name, script, inputs in json.load(file):
        print(json.dumps([name, Interpreter(script, "experiment", inputs).get_params()["decision"]]))
PYTHON
cat >seen.cjs <<'JAVASCRIPT'
const { readFileSync } = require("fs");
const { Interpreter } = require("planout/dist/planout_core_compatible.js");
for (const [name, script, inputs] of JSON.parse(readFileSync("cases.json", "utf8"))) {
  console.log(JSON.stringify([name, new Interpreter(script, "experiment", inputs).getParams().decision]));
}
JAVASCRIPT
cat >compare.py <<'PYTHON'
import collections
import json

clients, differ = collections.Counter(), collections.Counter()
with open("python.txt") as first, open("javascript.txt") as second:
    for (name, ours), (_, theirs) in zip(map(json.loads, first), map(json.loads, second), strict=True):
        if ours in (0, 1) and theirs in (0, 1) and not isinstance(ours, bool):
            clients[name] += 1
            differ[name] += ours != theirs
        else:
            print(name, json.dumps(ours), json.dumps(theirs))
for name, count in clients.items():
    print(f"{name}: {differ[name]} of {count} differ")
PYTHON
venv/bin/python cases.py
venv/bin/python seen.py >python.txt
node seen.cjs >javascript.txt
python3 compare.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
-7 % 3 2 -1
round(2.5) 2 3
1 == true true false
[1] == [1] true false
if ([]) "no" "yes"
min("10", "9") "10" 9
whole numbers: 0 of 200 differ
texts: 0 of 200 differ
with a point: 102 of 200 differ
true and false: 1 of 2 differ
EXPECTED
echo "as described"
