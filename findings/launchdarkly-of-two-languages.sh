#!/usr/bin/env bash
# A feature of LaunchDarkly is on for half of the clients, by an attribute, and other features by a condition.
# @launchdarkly/node-server-sdk 9.13.7 (JavaScript) and launchdarkly-server-sdk 9.20.0 (Python) read one file of flags,
# and decide for the same clients, whose attributes are read from one text of JSON.
# Expected: each client gets one answer, whichever language asks.
# Seen: Python does not hash a number with a point, as pandas writes whole numbers beside a gap, so the feature is on for
# all of these clients.  Long numbers are hashed as each language prints them.  Conditions with regular expressions,
# dates and versions follow the parsers of each language.  There are no errors:
#   on for half, by the attribute      JavaScript   Python   the same
#   0, 1, 2, ...                              489      489       1000
#   0.0, 1.0, 2.0, ...                        489     1000        489
#   10**24, 10**24 + 10**20, ...              497      489        456
#   condition                          attribute               JavaScript  Python
#   matches ^\d+$                      "115"                   on          on
#   matches ^\d+$                      "١١٥"                   off         on
#   matches ^\d+$                      "115\n"                 off         on
#   matches ^\w+$                      "müller"                off         on
#   matches ^a.c$                      "a😀c"                   off         on
#   before 2026-11-29T12:00:00Z        "2026-11-29T11:00:00Z"  on          on
#   before 2026-11-29T12:00:00Z        "2026-11-29 11:00:00Z"  off         on
#   semVerEqual 115.0.0                " 115.0.0"              on          off
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet launchdarkly-server-sdk==9.20.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @launchdarkly/node-server-sdk@9.13.7 >/dev/null
cat > decide.cjs <<'JAVASCRIPT'
const { init } = require("@launchdarkly/node-server-sdk");
const { FileDataSourceFactory } = require("@launchdarkly/node-server-sdk/integrations");
const asked = JSON.parse(require("fs").readFileSync(0));
const silent = () => {};
const client = init("an example", {
  updateProcessor: new FileDataSourceFactory({ paths: ["flags.json"] }).getFactory(), sendEvents: false,
  diagnosticOptOut: true, logger: { debug: silent, info: silent, warn: silent, error: silent },
});
async function main() {
  await client.waitForInitialization({ timeout: 30 });
  const seen = [];
  for (const [flag, user] of asked) seen.push(await client.variation(flag, user, "none"));
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}
main();
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import logging
import subprocess

from ldclient import Config, Context, LDClient
from ldclient.integrations import Files

# The condition, the attribute, and the answers of JavaScript and Python.
CONDITIONS = [
    (("matches", r"^\d+$"), "115", True, True),
    (("matches", r"^\d+$"), "١١٥", False, True),
    (("matches", r"^\d+$"), "115\n", False, True),
    (("matches", r"^\w+$"), "müller", False, True),
    (("matches", "^a.c$"), "a😀c", False, True),
    (("before", "2026-11-29T12:00:00Z"), "2026-11-29T11:00:00Z", True, True),
    (("before", "2026-11-29T12:00:00Z"), "2026-11-29 11:00:00Z", False, True),
    (("semVerEqual", "115.0.0"), " 115.0.0", True, False),
]
# What the attribute is for a client with a number, and how many are on in JavaScript and in Python, and the same.
NUMBERS = {
    "0, 1, 2, ...": (str, (489, 489, 1000)),
    "0.0, 1.0, 2.0, ...": (lambda number: f"{number}.0", (489, 1000, 489)),
    "10**24, 10**24 + 10**20, ...": (lambda number: str(10**24 + number * 10**20), (497, 489, 456)),
}


def flag(**more):
    return {
        "version": 1, "on": True, "variations": [True, False], "fallthrough": {"variation": 1}, "offVariation": 1,
        "salt": "a salt", "targets": [], "prerequisites": [], "rules": [], **more,
    }


def flag_where(operator, value):
    clause = {"attribute": "seen", "op": operator, "values": [value], "contextKind": "user"}
    return flag(rules=[{"id": "a rule", "variation": 0, "clauses": [clause]}])


HALF = [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}]
flags = {"half": flag(fallthrough={"rollout": {"variations": HALF, "bucketBy": "seen", "contextKind": "user"}})}
flags |= {" ".join(condition): flag_where(*condition) for condition, *_ in CONDITIONS}
with open("flags.json", "w") as file:
    json.dump({"flags": {key: {"key": key, **flag} for key, flag in flags.items()}}, file)


def question(name, attribute):
    return f'[{json.dumps(name)}, {{"kind": "user", "key": "a client", "seen": {attribute}}}]'


questions = [question(" ".join(condition), json.dumps(text)) for condition, text, *_ in CONDITIONS]
questions += [question("half", write(number)) for write, _ in NUMBERS.values() for number in range(1000)]
asked = f"[{', '.join(questions)}]"


def by_javascript():
    node = subprocess.run(["node", "decide.cjs"], input=asked, text=True, stdout=subprocess.PIPE, check=True)
    return json.loads(node.stdout)


def by_python():
    logging.disable()
    source = Files.new_data_source(paths=["flags.json"])
    client = LDClient(Config("an example", update_processor_class=source, send_events=False))
    seen = [client.variation(name, Context.from_dict(user), "none") for name, user in json.loads(asked)]
    client.close()
    return seen


javascript, python = by_javascript(), by_python()
assert {*javascript, *python} == {True, False}
print(f"{'on for half, by the attribute':<34} {'JavaScript':>10} {'Python':>8} {'the same':>10}")
for place, (name, (_, wanted)) in enumerate(NUMBERS.items()):
    rows = slice(len(CONDITIONS) + 1000 * place, len(CONDITIONS) + 1000 * place + 1000)
    same = sum(one == other for one, other in zip(javascript[rows], python[rows], strict=True))
    seen = sum(javascript[rows]), sum(python[rows]), same
    print(f"{name:<34} {seen[0]:>10} {seen[1]:>8} {seen[2]:>10}")
    assert seen == wanted, seen
print(f"{'condition':<34} {'attribute':<23} {'JavaScript':<11} Python")
for row, (condition, text, *wanted) in enumerate(CONDITIONS):
    seen = [javascript[row], python[row]]
    words = ["on" if answer else "off" for answer in seen]
    print(f"{' '.join(condition):<34} {json.dumps(text, ensure_ascii=False):<23} {words[0]:<11} {words[1]}")
    assert seen == wanted, seen
PYTHON
echo "as described"
