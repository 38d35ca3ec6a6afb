#!/usr/bin/env bash
# posthog-node 5.70.0 (JavaScript) and posthog 7.91.1 (Python) decide features of PostHog by themselves.  A feature has
# one condition on a property.
# Expected: each user gets one answer, whichever language asks.
# Seen: the answers differ, and "none" means that the SDK does not decide.  In Python a number equals the text of its
# digits, and in JavaScript it cannot be compared.  Of a text that is not a number, Python says that it is not greater
# than 5, and JavaScript that it is.  JavaScript knows forms of times which Python does not:
#   condition                     property         JavaScript  Python
#   exact "5"                     "5"              on          on
#   exact "5"                     5                none        on
#   is_not "5"                    5                none        off
#   is_not "5"                    6                none        on
#   gt 5                          "10"             on          on
#   gt 5                          "unknown"        on          off
#   gt 5                          true             on          off
#   lt 5                          ""               on          off
#   is_date_after "2026-11-29"    "2026-11-30"     on          on
#   is_date_after "2026-11-29"    1795997000000    on          none
#   is_date_before "2026-11-29"   "Nov 28 2026"    on          none
# Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet posthog==7.91.1
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund posthog-node@5.70.0 >/dev/null
cat > decide.cjs <<'JAVASCRIPT'
const http = require("http");
const { PostHog } = require("posthog-node");
const { flags, cases } = JSON.parse(require("fs").readFileSync(0));
const answer = JSON.stringify({ flags, group_type_mapping: {}, cohorts: {} });
const server = http.createServer((request, response) => {
  response.setHeader("Content-Type", "application/json");
  request.resume().on("end", () => response.end(answer));
});
server.listen(0, "127.0.0.1", async () => {
  const host = `http://127.0.0.1:${server.address().port}`;
  const posthog = new PostHog("phc_example", { host, personalApiKey: "phx_example" });
  await posthog.reloadFeatureFlags();
  const seen = [];
  for (const [flag, properties] of cases) {
    const options = { personProperties: properties, onlyEvaluateLocally: true, sendFeatureFlagEvents: false };
    seen.push((await posthog.getFeatureFlag(flag, "a user", options)) ?? null);
  }
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
});
JAVASCRIPT
venv/bin/python -W ignore - <<'PYTHON'
import json
import logging
import subprocess

from posthog import Posthog

# The operator and value of the condition, the property, and the answers of JavaScript and Python.
CASES = [
    ("exact", "5", "5", True, True),
    ("exact", "5", 5, None, True),
    ("is_not", "5", 5, None, False),
    ("is_not", "5", 6, None, True),
    ("gt", 5, "10", True, True),
    ("gt", 5, "unknown", True, False),
    ("gt", 5, True, True, False),
    ("lt", 5, "", True, False),
    ("is_date_after", "2026-11-29", "2026-11-30", True, True),
    ("is_date_after", "2026-11-29", 1_795_997_000_000, True, None),
    ("is_date_before", "2026-11-29", "Nov 28 2026", True, None),
]


def flag(number, operator, value):
    condition = {"key": "seen", "type": "person", "operator": operator, "value": value}
    groups = [{"properties": [condition], "rollout_percentage": 100}]
    return {"id": number, "key": f"flag-{number}", "active": True, "filters": {"groups": groups}}


flags = [flag(number, operator, value) for number, (operator, value, *_) in enumerate(CASES)]
cases = [(f"flag-{number}", {"seen": seen}) for number, (_, _, seen, *_) in enumerate(CASES)]


def by_javascript():
    asked = json.dumps({"flags": flags, "cases": cases})
    node = subprocess.run(
        ["node", "decide.cjs"], input=asked, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    return json.loads(node.stdout)


def by_python():
    logging.disable()
    posthog = Posthog("phc_example", host="http://127.0.0.1:9", send=False, enable_local_evaluation=False)
    posthog.feature_flags = flags
    options = {"only_evaluate_locally": True, "send_feature_flag_events": False}
    return [posthog.get_feature_flag(name, "a user", person_properties=seen, **options) for name, seen in cases]


print(f"{'condition':<29} {'property':<16} {'JavaScript':<11} Python")
for (operator, value, given, *wanted), *seen in zip(CASES, by_javascript(), by_python(), strict=True):
    condition, shown = f"{operator} {json.dumps(value)}", json.dumps(given)
    words = [{True: "on", False: "off", None: "none"}[answer] for answer in seen]
    print(f"{condition:<29} {shown:<16} {words[0]:<11} {words[1]}")
    assert seen == wanted, seen
PYTHON
echo "as described"
