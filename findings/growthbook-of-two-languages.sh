#!/usr/bin/env bash
# A feature of GrowthBook has a rule with a condition.  growthbook 4.0.0 (Python) and @growthbook/growthbook 1.8.0
# (JavaScript) decide for the same attributes whether it is on.
# Expected: the same answer, since both evaluate one definition of the feature.
# Seen: where an attribute is absent, or is a number in one place and a text in the other, JavaScript converts and Python
# does not, without an error, so that a feature is on in the page and off on the server.  Patterns differ as well:
#   condition                      attributes              JavaScript   Python
#   {"tabs": {"$lt": 5}}           {}                      on           off
#   {"tabs": {"$gte": 0}}          {}                      on           off
#   {"tabs": {"$lt": 5}}           {"tabs": 3}             on           on
#   {"version": {"$gt": 100}}      {"version": "115"}      on           off
#   {"version": {"$vgt": "9"}}     {"version": 115}        on           off
#   {"version": 115}               {"version": "115"}      on           off
#   {"crashes": 0}                 {}                      on           off
#   {"channel": {"$regex": "\\w"}} {"channel": "é"}        off          on
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet growthbook==4.0.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @growthbook/growthbook@1.8.0 >/dev/null
cat > decide.cjs <<'JAVASCRIPT'
const { GrowthBook } = require("@growthbook/growthbook");
const cases = JSON.parse(require("fs").readFileSync(0));
const decisions = cases.map(({ features, attributes }) => new GrowthBook({ features, attributes }).isOn("toolbar"));
console.log(JSON.stringify(decisions));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

from growthbook import GrowthBook

CASES = [
    ({"tabs": {"$lt": 5}}, {}, True, False),
    ({"tabs": {"$gte": 0}}, {}, True, False),
    ({"tabs": {"$lt": 5}}, {"tabs": 3}, True, True),
    ({"version": {"$gt": 100}}, {"version": "115"}, True, False),
    ({"version": {"$vgt": "9"}}, {"version": 115}, True, False),
    ({"version": 115}, {"version": "115"}, True, False),
    ({"crashes": 0}, {}, True, False),
    ({"channel": {"$regex": "\\w"}}, {"channel": "é"}, False, True),
]


def toolbar(condition):
    return {"toolbar": {"defaultValue": False, "rules": [{"condition": condition, "force": True}]}}


asked = [{"features": toolbar(condition), "attributes": attributes} for condition, attributes, *_ in CASES]
node = subprocess.run(["node", "decide.cjs"], input=json.dumps(asked), text=True, stdout=subprocess.PIPE, check=True)
in_javascript = json.loads(node.stdout)
in_python = [GrowthBook(**case).is_on("toolbar") for case in asked]
for (condition, attributes, *_), *decisions in zip(CASES, in_javascript, in_python, strict=True):
    texts = [json.dumps(value, ensure_ascii=False) for value in (condition, attributes)]
    answers = ["on" if decision else "off" for decision in decisions]
    print(f"{texts[0]:<30} {texts[1]:<23} {answers[0]:<12} {answers[1]}")
assert [case[2] for case in CASES] == in_javascript
assert [case[3] for case in CASES] == in_python
PYTHON
echo "as described"
