#!/usr/bin/env bash
# A flag of flagd gives half of the users "old" and half "new", by the rule `fractional`.  @openfeature/flagd-core 4.0.1
# (JavaScript) and openfeature-flagd-core 2.0.0 (Python) evaluate the flag for 1,000 users with plain names.
# Expected: each user has one variant, whichever language asks, since both evaluate one definition in the process.
# Seen: Python hashes the key in CBOR and JavaScript hashes the text itself, so that half of the users have the other
# variant, without an error, as if a coin was thrown for each language.  Where users are divided by a number, JavaScript
# gives all of them the default variant.  Other rules agree:
#   rule                               the same variant   JavaScript, new   Python, new
#   fractional, by the user                         483               478           529
#   fractional, by a text                           498               500           522
#   fractional, by a number                         496                 0           504
#   starts_with                                    1000               889           889
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openfeature-flagd-core==2.0.0 openfeature-flagd-api==1.0.0 openfeature-sdk==0.10.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @openfeature/flagd-core@4.0.1 @openfeature/core@1.12.0 >/dev/null
cat > evaluate.cjs <<'JAVASCRIPT'
const { FlagdCore } = require("@openfeature/flagd-core");
const { flags, users } = JSON.parse(require("fs").readFileSync(0));
const ignore = () => {};
const core = new FlagdCore();
core.setConfigurations(JSON.stringify(flags));
const logger = { error: console.error, warn: ignore, info: ignore, debug: ignore };
const resolve = (user) => core.resolveStringEvaluation("toolbar", "none", user, logger).value;
console.log(JSON.stringify(users.map(resolve)));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

HALVES = [["old", 50], ["new", 50]]
# The rule, how many of 1,000 users have one variant in both languages, and how many have "new" in each.
CASES = {
    "fractional, by the user": ({"fractional": HALVES}, 483, 478, 529),
    "fractional, by a text": ({"fractional": [{"var": "name"}, *HALVES]}, 498, 500, 522),
    "fractional, by a number": ({"fractional": [{"var": "number"}, *HALVES]}, 496, 0, 504),
    "starts_with": ({"if": [{"starts_with": [{"var": "name"}, "user-1"]}, "old", "new"]}, 1000, 889, 889),
}
USERS = [
    {"targetingKey": f"user-{number}", "name": f"user-{number}@example.com", "number": number}
    for number in range(1000)
]
VARIANTS = {"old": "old", "new": "new"}


def flags(rule):
    toolbar = {"state": "ENABLED", "variants": VARIANTS, "defaultVariant": "old", "targeting": rule}
    return {"flags": {"toolbar": toolbar}}


def by_javascript(rule):
    asked = json.dumps({"flags": flags(rule), "users": USERS})
    node = subprocess.run(["node", "evaluate.cjs"], input=asked, text=True, stdout=subprocess.PIPE, check=True)
    return json.loads(node.stdout)


def by_python(rule):
    core = FlagdCore()
    core.set_flags(flags(rule))
    contexts = [EvaluationContext(user["targetingKey"], {**user}) for user in USERS]
    return [core.resolve_string_value("toolbar", "none", context).value for context in contexts]


print(f"{'rule':<32} {'the same variant':>18} {'JavaScript, new':>17} {'Python, new':>13}")
for name, (rule, *wanted) in CASES.items():
    answers = [by_javascript(rule), by_python(rule)]
    same = sum(one == other for one, other in zip(*answers, strict=True))
    seen = [same, *(variants.count("new") for variants in answers)]
    print(f"{name:<32} {seen[0]:>18} {seen[1]:>17} {seen[2]:>13}")
    assert seen == wanted, seen
PYTHON
echo "as described"
