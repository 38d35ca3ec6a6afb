#!/usr/bin/env bash
# @eppo/node-server-sdk 3.10.2 (npm) and eppo-server-sdk 4.4.1 (PyPI) assign one flag by the same configuration to the
# same client.
# Expected: both assign alike, so that a client is in one group, whichever service asks.
# Seen: they assign otherwise, without an exception.  Python takes a build of a version for a newer version, and a
# version that begins with "v" for none.  JavaScript takes an empty text and booleans for numbers.  In patterns a \w
# is a letter of any script in Python only, and a pattern that looks ahead never matches in Python, not even in
# NOT_MATCHES.  A large number becomes another text, so that each language needs its own text in ONE_OF:
#   operator     of the rule                 of the client    JavaScript  Python
#   GT           "115.0.0"                   "115.0.0+build"  off         on
#   GTE          "115.0.0"                   "v120.0.0"       on          off
#   LT           5                           ""               on          off
#   LT           5                           true             on          off
#   GTE          1                           true             on          off
#   MATCHES      "^\\w+$"                    "Łódź"           off         on
#   MATCHES      "^(?!esr).*$"               "nightly"        on          off
#   NOT_MATCHES  "^(?=esr)"                  "nightly"        on          off
#   ONE_OF       ["1e+21"]                   1e21             on          off
#   ONE_OF       ["1000000000000000000000"]  1e21             off         on
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet eppo-server-sdk==4.4.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @eppo/node-server-sdk@3.10.2
cat >cases.json <<'JSON'
[
  ["GT", "115.0.0", "115.0.0+build"],
  ["GTE", "115.0.0", "v120.0.0"],
  ["LT", 5, ""],
  ["LT", 5, true],
  ["GTE", 1, true],
  ["MATCHES", "^\\w+$", "Łódź"],
  ["MATCHES", "^(?!esr).*$", "nightly"],
  ["NOT_MATCHES", "^(?=esr)", "nightly"],
  ["ONE_OF", ["1e+21"], 1e21],
  ["ONE_OF", ["1000000000000000000000"], 1e21]
]
JSON
cat >flags.py <<'PYTHON'
import json

with open("cases.json") as file:
    cases = json.load(file)
flags = {}
for number, (operator, value, _) in enumerate(cases):
    condition = {"attribute": "value", "operator": operator, "value": value}
    allocation = {
        "key": "all", "rules": [{"conditions": [condition]}], "doLog": False,
        "splits": [{"variationKey": "on", "shards": []}],
    }
    flags[f"flag-{number}"] = {
        "key": f"flag-{number}", "enabled": True, "variationType": "STRING", "totalShards": 10000,
        "variations": {"on": {"key": "on", "value": "on"}}, "allocations": [allocation],
    }
configuration = {
    "createdAt": "2026-11-30T00:00:00.000Z", "format": "SERVER", "environment": {"name": "Test"}, "flags": flags,
}
with open("configuration.json", "w") as file:
    json.dump(configuration, file)
PYTHON
cat >assign.py <<'PYTHON'
import json

import eppo_client

with open("cases.json") as file:
    cases = json.load(file)
with open("configuration.json", "rb") as file:
    configuration = eppo_client.Configuration(flags_configuration=file.read())
config = eppo_client.ClientConfig(
    api_key="key", assignment_logger=eppo_client.AssignmentLogger(), poll_interval_seconds=None,
    initial_configuration=configuration,
)
client = eppo_client.init(config)
for number, (_, _, value) in enumerate(cases):
    print(client.get_string_assignment(f"flag-{number}", "client", {"value": value}, "off"))
client.shutdown()
PYTHON
cat >assign.cjs <<'JAVASCRIPT'
const { readFileSync, writeFileSync } = require("fs");
const { createServer } = require("http");
const { init } = require("@eppo/node-server-sdk");

const assignmentLogger = { logAssignment() {} };

async function main() {
  const server = createServer((request, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(readFileSync("configuration.json"));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  const client = await init({ apiKey: "key", baseUrl, assignmentLogger, pollAfterSuccessfulInitialization: false });
  const lines = require("./cases.json").map(([operator, rule, value], number) => {
    const assigned = client.getStringAssignment(`flag-${number}`, "client", { value }, "off");
    return [operator, JSON.stringify(rule), JSON.stringify(value), assigned].join(" ");
  });
  writeFileSync("javascript.txt", `${lines.join("\n")}\n`);
  process.exit(0);
}

main();
JAVASCRIPT
venv/bin/python flags.py
venv/bin/python assign.py >python.txt
node assign.cjs >/dev/null
paste -d ' ' javascript.txt python.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
GT "115.0.0" "115.0.0+build" off on
GTE "115.0.0" "v120.0.0" on off
LT 5 "" on off
LT 5 true on off
GTE 1 true on off
MATCHES "^\\w+$" "Łódź" off on
MATCHES "^(?!esr).*$" "nightly" on off
NOT_MATCHES "^(?=esr)" "nightly" on off
ONE_OF ["1e+21"] 1e+21 on off
ONE_OF ["1000000000000000000000"] 1e+21 off on
EXPECTED
echo "as described"
