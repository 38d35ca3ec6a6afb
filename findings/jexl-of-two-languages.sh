#!/usr/bin/env bash
# A filter expression is evaluated by mozjexl 1.1.6, the evaluator for JavaScript, and by pyjexl 0.3.0, the one for
# Python, as of a server that checks which clients a recipe reaches.
# Expected: the same answer from both, or an error from one of them.
# Seen: empty lists and objects are true in one and false in the other, lists are compared by identity or by content,
# numbers and texts of the same digits are equal in one only, and a remainder has the sign of the left or the right
# side.  Neither reports anything:
#   expression                            mozjexl  pyjexl
#   addons ? 'some' : 'none'              some     none
#   !experiments                          false    true
#   majorVersion == '115'                 true     false
#   majorVersion in ['115', '128']        true     false
#   languages == ['de', 'en']             false    true
#   offsetMinutes % 60 == -30             true     false
#   bigCount == bigCount + 1              true     false
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyjexl==0.3.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund mozjexl@1.1.6 >/dev/null
cat > evaluate.cjs <<'JAVASCRIPT'
const jexl = require("mozjexl");
const { expressions, context } = JSON.parse(require("fs").readFileSync(0));
Promise.all(expressions.map((expression) => jexl.eval(expression, context))).then((values) => {
  console.log(JSON.stringify(values));
});
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

from pyjexl import JEXL

CONTEXT = {
    "addons": [], "experiments": {}, "majorVersion": 115, "languages": ["de", "en"], "offsetMinutes": -210,
    "bigCount": 2**53,
}
EXPRESSIONS = [
    "addons ? 'some' : 'none'", "!experiments", "majorVersion == '115'", "majorVersion in ['115', '128']",
    "languages == ['de', 'en']", "offsetMinutes % 60 == -30", "bigCount == bigCount + 1",
]
asked = json.dumps({"expressions": EXPRESSIONS, "context": CONTEXT})
node = subprocess.run(["node", "evaluate.cjs"], input=asked, text=True, stdout=subprocess.PIPE, check=True)
in_javascript = json.loads(node.stdout)
in_python = [JEXL().evaluate(expression, CONTEXT) for expression in EXPRESSIONS]


def text(value):
    return value if isinstance(value, str) else json.dumps(value)


for expression, *values in zip(EXPRESSIONS, in_javascript, in_python, strict=True):
    print(f"{expression:<37} {text(values[0]):<8} {text(values[1])}")
assert in_javascript == ["some", False, True, True, False, True, True], in_javascript
assert in_python == ["none", True, False, False, True, False, False], in_python
PYTHON
echo "as described"
