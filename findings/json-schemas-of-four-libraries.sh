#!/usr/bin/env bash
# jsonschema 4.26.0, fastjsonschema 2.22.3 and jsonschema-rs 0.61.2 (Python) and ajv 8.20.0 (npm) judge the same
# values by the same JSON Schemas of draft 7, as a schema of pings is used in the client, at the edge and in the warehouse.
# Expected: one answer from all four; all four pass the official suite in the main.
# Seen: a price of 19.99 is a multiple of 0.01 for two of them, digits may be Arabic for two, the limit of 64 bits is one
# more for ajv, and a keyword beside $ref, which draft 7 ignores, counts for ajv.  There are neither errors nor warnings:
#   schema                                         value                 jsonschema  fastjsonschema  jsonschema-rs  ajv
#   {"multipleOf": 0.01}                           19.99                 no          yes             yes            no
#   {"multipleOf": 0.01}                           19.98                 yes         yes             yes            yes
#   {"pattern": "^\\d+$"}                          "٥"                   yes         yes             no             no
#   {"maximum": 9223372036854775807}               9223372036854775808   no          no              no             yes
#   {"$ref": "#/definitions/count", "maximum": 9}  10                    yes         yes             yes            no
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jsonschema==4.26.0 fastjsonschema==2.22.3 jsonschema-rs==0.61.2
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund ajv@8.20.0 >/dev/null
cat > judge.cjs <<'JAVASCRIPT'
const Ajv = require("ajv");
const cases = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(cases.map(([schema, value]) => new Ajv().validate(schema, value))));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

import fastjsonschema
import jsonschema
import jsonschema_rs

DRAFT = "http://json-schema.org/draft-07/schema#"
COUNT = {"count": {"type": "integer", "minimum": 0}}
# The schema, the value, and the answers of jsonschema, fastjsonschema, jsonschema-rs and ajv.
CASES = [
    ({"type": "number", "multipleOf": 0.01}, 19.99, "no yes yes no"),
    ({"type": "number", "multipleOf": 0.01}, 19.98, "yes yes yes yes"),
    ({"type": "string", "pattern": "^\\d+$"}, "٥", "yes yes no no"),
    ({"type": "integer", "maximum": 2**63 - 1}, 2**63, "no no no yes"),
    ({"$ref": "#/definitions/count", "type": "integer", "maximum": 9, "definitions": COUNT}, 10, "yes yes yes no"),
]


def by_fastjsonschema(schema, value):
    try:
        fastjsonschema.compile(schema)(value)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


def by_ajv(cases):
    node = subprocess.run(["node", "judge.cjs"], input=json.dumps(cases), text=True, stdout=subprocess.PIPE, check=True)
    return json.loads(node.stdout)


cases = [[{"$schema": DRAFT, **schema}, value] for schema, value, _ in CASES]
print(f"{'schema':<46} {'value':<21} {'jsonschema':<11} {'fastjsonschema':<15} {'jsonschema-rs':<14} ajv")
for (schema, value), (shown, _, wanted), ajv in zip(cases, CASES, by_ajv(cases), strict=True):
    judgements = [
        jsonschema.Draft7Validator(schema).is_valid(value), by_fastjsonschema(schema, value),
        jsonschema_rs.validator_for(schema).is_valid(value), ajv,
    ]
    seen = ["yes" if judgement else "no" for judgement in judgements]
    keywords = {name: value for name, value in shown.items() if name not in ("type", "definitions")}
    texts = [json.dumps(part, ensure_ascii=False) for part in (keywords, value)]
    print(f"{texts[0]:<46} {texts[1]:<21} {seen[0]:<11} {seen[1]:<15} {seen[2]:<14} {seen[3]}")
    assert " ".join(seen) == wanted, seen
PYTHON
echo "as described"
