#!/usr/bin/env bash
# orjson 3.13.0: an integer past 64 bits becomes a float without an error, and one of more than 308 digits makes
# the whole document unreadable, though both are valid JSON and json.loads keeps every digit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet orjson==3.13.0
"$folder/venv/bin/python" - <<'PYTHON'
import json

import orjson

past_64_bits = b'{"n":18446744073709551617}'
of_400_digits = b'{"n":1' + b"0" * 399 + b"}"
print("2**64 + 1:", json.loads(past_64_bits), orjson.loads(past_64_bits))
assert json.loads(past_64_bits)["n"] == 2**64 + 1
assert orjson.loads(past_64_bits)["n"] == float(2**64)
assert json.loads(of_400_digits)["n"] == 10**399
try:
    orjson.loads(of_400_digits)
except orjson.JSONDecodeError as error:
    print("400 digits:", error)
else:
    raise SystemExit("400 digits are read now")
PYTHON
echo "as described"
