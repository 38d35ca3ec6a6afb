#!/usr/bin/env bash
# jsonschema-rs 0.60.3: without an option, `format` is asserted for drafts 4, 6 and 7 and ignored for 2019-09
# and 2020-12.  With validate_formats=True each draft asserts only the formats that it defines itself, so
# "uuid" passes any text under draft 7.  A catalogue of schemas of several drafts checks alike only by an own rule.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jsonschema-rs==0.60.3
"$folder/venv/bin/python" - <<'PYTHON'
import jsonschema_rs

DRAFTS = {
    "draft-04": "http://json-schema.org/draft-04/schema#",
    "draft-07": "http://json-schema.org/draft-07/schema#",
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
}
BAD = {"date-time": "yesterday", "uuid": "not one"}


def refuses(draft, name, **options):
    schema = {"$schema": DRAFTS[draft], "format": name}
    return not jsonschema_rs.validator_for(schema, **options).is_valid(BAD[name])


seen = {
    (draft, name, asked): refuses(draft, name, **({"validate_formats": True} if asked else {}))
    for draft in DRAFTS
    for name in BAD
    for asked in (False, True)
}
for (draft, name, asked), refused in seen.items():
    print(f"{draft:<9} {name:<10} validate_formats={asked!s:<6} {'refused' if refused else 'accepted'}")
assert seen["draft-04", "date-time", False] and seen["draft-07", "date-time", False]
assert not seen["2020-12", "date-time", False]
assert seen["2020-12", "date-time", True] and seen["2020-12", "uuid", True]
assert not seen["draft-07", "uuid", True] and not seen["draft-04", "uuid", True]
PYTHON
echo "as described"
