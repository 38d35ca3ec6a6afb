#!/usr/bin/env bash
# One expression in CEL, the language of conditions, is evaluated by cel-python 0.5.0 (Python), and by cel-js 0.8.2,
# @marcbachmann/cel-js 8.0.0 and @bufbuild/cel 0.6.1 (all three npm).  `tabs` is the 5 of a JSON text.
# Expected: one answer, or an error.
# Seen: the answers differ, without an error: on whole numbers, long ones and signed zeros, on the length and order of
# texts, on fractions of a second, and on the milliseconds of a duration.  The 5 of JSON is a double in two libraries,
# which then refuse to divide it by 2, and a whole number in Python, which then refuses to compare it with 5.0.  "-" is
# an error:
#   cel-python             cel-js   @marcbachmann   @bufbuild
#   7 / 2
#     3                    3.5      3               3
#   tabs / 2
#     2                    2.5      -               -
#   tabs == 5.0
#     -                    true     true            true
#   1 in [1.0]
#     -                    true     -               true
#   9007199254740993 == 9007199254740992
#     false                true     false           false
#   -0.0 == 0.0
#     true                 false    true            true
#   size("a😀")
#     2                    3        2               2
#   "\uffff" < "😀"
#     true                 false    false           false
#   string(5.0)
#     5.0                  -        5               5
#   string(true) == "true"
#     false                -        true            true
#   timestamp("2026-11-29T12:00:00.0001Z") < timestamp("2026-11-29T12:00:00.0002Z")
#     true                 -        false           true
#   string(timestamp("2026-11-29T12:00:00.5Z"))
#     2026-11-29T12:00:00Z -        -               2026-11-29T12:00:00.500Z
#   duration("1.5s").getMilliseconds()
#     1500                 -        1500            500
#   duration("100ns") > duration("0s")
#     false                -        true            true
# Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet cel-python==0.5.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund cel-js@0.8.2 @marcbachmann/cel-js@8.0.0 @bufbuild/cel@0.6.1 >/dev/null
cat > evaluate.mjs <<'JAVASCRIPT'
import { readFileSync } from "fs";
import { evaluate as evaluateFirst } from "cel-js";
import { evaluate as evaluateSecond } from "@marcbachmann/cel-js";
import { run } from "@bufbuild/cel";

const { expressions, variables } = JSON.parse(readFileSync(0));
function answer(evaluate, expression) {
  try {
    const value = evaluate(expression, variables);
    // An error of the third library is a value of its own.
    return typeof value === "object" ? "-" : String(value);
  } catch {
    return "-";
  }
}
const seen = [evaluateFirst, evaluateSecond, run].map((evaluate) =>
  expressions.map((expression) => answer(evaluate, expression)),
);
process.stdout.write(JSON.stringify(seen));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

import celpy

VARIABLES = {"tabs": 5}
# The expression, and the answers of cel-python, cel-js, @marcbachmann/cel-js and @bufbuild/cel.
WANTED = [
    ("7 / 2", "3", "3.5", "3", "3"),
    ("tabs / 2", "2", "2.5", "-", "-"),
    ("tabs == 5.0", "-", "true", "true", "true"),
    ("1 in [1.0]", "-", "true", "-", "true"),
    ("9007199254740993 == 9007199254740992", "false", "true", "false", "false"),
    ("-0.0 == 0.0", "true", "false", "true", "true"),
    ('size("a😀")', "2", "3", "2", "2"),
    ('"\uffff" < "😀"', "true", "false", "false", "false"),
    ("string(5.0)", "5.0", "-", "5", "5"),
    ('string(true) == "true"', "false", "-", "true", "true"),
    ('timestamp("2026-11-29T12:00:00.0001Z") < timestamp("2026-11-29T12:00:00.0002Z")', "true", "-", "false", "true"),
    ('string(timestamp("2026-11-29T12:00:00.5Z"))', "2026-11-29T12:00:00Z", "-", "-", "2026-11-29T12:00:00.500Z"),
    ('duration("1.5s").getMilliseconds()', "1500", "-", "1500", "500"),
    ('duration("100ns") > duration("0s")', "false", "-", "true", "true"),
]


def by_python(expression):
    environment = celpy.Environment()
    try:
        value = environment.program(environment.compile(expression)).evaluate(celpy.json_to_cel(VARIABLES))
    except (celpy.CELEvalError, celpy.CELParseError):
        return "-"
    return str(bool(value)).lower() if isinstance(value, celpy.celtypes.BoolType) else str(value)


asked = json.dumps({"expressions": [expression for expression, *_ in WANTED], "variables": VARIABLES})
node = subprocess.run(["node", "evaluate.mjs"], input=asked, text=True, stdout=subprocess.PIPE, check=True)
print(f"{'cel-python':<22} {'cel-js':<8} {'@marcbachmann':<15} @bufbuild")
for (expression, *wanted), *javascript in zip(WANTED, *json.loads(node.stdout), strict=True):
    seen = [by_python(expression), *javascript]
    print(json.dumps(expression, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("\uffff", r"\uffff"))
    print(f"  {seen[0]:<20} {seen[1]:<8} {seen[2]:<15} {seen[3]}")
    assert seen == wanted, seen
PYTHON
echo "as described"
