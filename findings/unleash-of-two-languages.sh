#!/usr/bin/env bash
# A feature of Unleash is on for half of the users, and has two variants.  unleash-client 6.12.1 (JavaScript) and
# UnleashClient 6.9.1 (Python) decide for 1,000 users of each kind.
# Expected: each user gets one answer, whichever language asks; the hash is the same for both.
# Seen: JavaScript hashes the numbers of the characters and not the bytes of the text, so that users whose ids have one
# letter beyond ASCII, such as names in a login, get the other answer half of the time.  A number as an id, and an
# attribute with an empty text, are also taken differently.  There are no errors:
#   users                     the same, on or off   the same variant
#   user-0, user-1, ...                      1000               1000
#   müller-0, müller-1, ...                   499                505
#   łukasz-0, łukasz-1, ...                   493                522
#   feature                       attribute     JavaScript   Python
#   tabs NUM_LT 5                 "4"           on           on
#   tabs NUM_LT 5                 ""            on           off
#   tabs NUM_EQ 5                 " 5"          on           off
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet UnleashClient==6.9.1 yggdrasil-engine==2.0.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund unleash-client@6.12.1 >/dev/null
cat > decide.cjs <<'JAVASCRIPT'
const { InMemStorageProvider, Unleash } = require("unleash-client");
const { features, contexts } = JSON.parse(require("fs").readFileSync(0));
const unleash = new Unleash({
  appName: "an-example", url: "http://127.0.0.1:9/", refreshInterval: 0, disableMetrics: true,
  bootstrap: { data: features }, storageProvider: new InMemStorageProvider(),
});
// No server answers at that address.  The features come from here.
unleash.on("error", () => {});
unleash.on("warn", () => {});
unleash.once("ready", () => {
  const seen = contexts.map((context) =>
    features.map(({ name }) => [unleash.isEnabled(name, context), unleash.getVariant(name, context).name]),
  );
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
});
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import logging
import subprocess

from UnleashClient import UnleashClient
from UnleashClient.cache import FileCache

HALF = {"name": "flexibleRollout", "parameters": {"rollout": "50", "stickiness": "default", "groupId": "toolbar"}}


def feature(name, strategy, variants=()):
    described = [{"name": variant, "weight": 500, "stickiness": "default"} for variant in variants]
    return {"name": name, "enabled": True, "strategies": [strategy], "variants": described}


def where_tabs(operator):
    constraint = {"contextName": "tabs", "operator": operator, "value": "5", "values": []}
    return {"name": "default", "parameters": {}, "constraints": [constraint]}


FEATURES = [
    feature("rollout", HALF),
    feature("variants", {"name": "default", "parameters": {}}, ["old", "new"]),
    feature("tabs NUM_LT 5", where_tabs("NUM_LT")),
    feature("tabs NUM_EQ 5", where_tabs("NUM_EQ")),
]
NAMES = [feature["name"] for feature in FEATURES]
# Names of users, how many of 1,000 have the same answer, and how many the same variant.
USERS = {"user-": (1000, 1000), "müller-": (499, 505), "łukasz-": (493, 522)}
# The feature, the attribute, and the answers of JavaScript and Python.
ATTRIBUTES = [
    ("tabs NUM_LT 5", "4", True, True), ("tabs NUM_LT 5", "", True, False), ("tabs NUM_EQ 5", " 5", True, False),
]
contexts = [{"userId": f"{name}{number}"} for name in USERS for number in range(1000)]
contexts += [{"userId": "user", "properties": {"tabs": tabs}} for _, tabs, *_ in ATTRIBUTES]


def by_javascript():
    asked = json.dumps({"features": FEATURES, "contexts": contexts})
    node = subprocess.run(["node", "decide.cjs"], input=asked, text=True, stdout=subprocess.PIPE, check=True)
    return json.loads(node.stdout)


def by_python():
    logging.disable()
    cache = FileCache("an-example", directory="cache")
    cache.bootstrap_from_dict({"version": 2, "features": FEATURES})
    unleash = UnleashClient(
        "http://127.0.0.1:9", "an-example", cache=cache, disable_metrics=True, disable_registration=True
    )
    unleash.initialize_client(fetch_toggles=False)
    seen = [
        [[unleash.is_enabled(name, {**context}), unleash.get_variant(name, {**context})["name"]] for name in NAMES]
        for context in contexts
    ]
    unleash.destroy()
    return seen


javascript, python = by_javascript(), by_python()
print(f"{'users':<25} {'the same, on or off':>19} {'the same variant':>18}")
for place, (name, wanted) in enumerate(USERS.items()):
    rows = range(1000 * place, 1000 * place + 1000)
    same = [sum(javascript[row][column] == python[row][column] for row in rows) for column in (0, 1)]
    print(f"{f'{name}0, {name}1, ...':<25} {same[0]:>19} {same[1]:>18}")
    assert tuple(same) == wanted, same
print(f"{'feature':<29} {'attribute':<13} {'JavaScript':<12} Python")
for row, (name, tabs, *wanted) in enumerate(ATTRIBUTES, start=3000):
    seen = [answers[row][NAMES.index(name)][0] for answers in (javascript, python)]
    print(f"{name:<29} {json.dumps(tabs):<13} {'on' if seen[0] else 'off':<12} {'on' if seen[1] else 'off'}")
    assert seen == wanted, seen
PYTHON
echo "as described"
