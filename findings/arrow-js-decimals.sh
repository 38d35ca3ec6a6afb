#!/usr/bin/env bash
# apache-arrow 21.2.0 (npm) reads a column of amounts, decimals with two digits after the point, from PyArrow 26.0.1.
# Expected: the amounts, as a text or a number, or an error.
# Seen: the point is forgotten by String(), Number(), sums and JSON, so that amounts are a hundred times too large.  The
# text of a decimal256 is cut besides, to a zero or to one digit, and that of a negative decimal64 is a large positive
# number, though Number() of the same value is neither.  A row in JSON has the text within a second pair of quotes.  There
# are no errors.  Only valueOf() with the scale given by hand is right:
#   type         amount       String()               Number()   row in JSON                           valueOf(2)
#   decimal128   1.50         150                    150        {"amount":"\"150\""}                  1.5
#   decimal128   -1.50        -150                   -150       {"amount":"\"-150\""}                 -1.5
#   decimal128   1234.56      123456                 123456     {"amount":"\"123456\""}               1234.56
#   decimal256   1.50         0                      150        {"amount":"\"0\""}                    1.5
#   decimal256   -1.50        -0                     -150       {"amount":"\"-0\""}                   -1.5
#   decimal256   1234.56      6                      123456     {"amount":"\"6\""}                    1234.56
#   decimal64    1.50         150                    150        {"amount":"\"150\""}                  1.5
#   decimal64    -1.50        18446744073709551466   -150       {"amount":"\"18446744073709551466\""} -1.5
#   decimal64    1234.56      123456                 123456     {"amount":"\"123456\""}               1234.56
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund apache-arrow@21.2.0 >/dev/null
cat > read.cjs <<'JAVASCRIPT'
const { tableFromIPC } = require("apache-arrow");
const { readFileSync } = require("fs");
function attempt(make) {
  try {
    return String(make());
  } catch (error) {
    return error.constructor.name;
  }
}
const seen = process.argv.slice(2).map((name) =>
  [...tableFromIPC(readFileSync(name))].map((row) => [
    attempt(() => String(row.amount)), attempt(() => Number(row.amount)), attempt(() => JSON.stringify(row)),
    attempt(() => row.amount.valueOf(2)),
  ]),
);
console.log(JSON.stringify(seen));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess
from decimal import Decimal

import pyarrow as pa

AMOUNTS = ["1.50", "-1.50", "1234.56"]
TYPES = {"decimal128": pa.decimal128(18, 2), "decimal256": pa.decimal256(50, 2), "decimal64": pa.decimal64(18, 2)}
WANTED = [
    [
        ["150", "150", r'{"amount":"\"150\""}', "1.5"],
        ["-150", "-150", r'{"amount":"\"-150\""}', "-1.5"],
        ["123456", "123456", r'{"amount":"\"123456\""}', "1234.56"],
    ],
    [
        ["0", "150", r'{"amount":"\"0\""}', "1.5"],
        ["-0", "-150", r'{"amount":"\"-0\""}', "-1.5"],
        ["6", "123456", r'{"amount":"\"6\""}', "1234.56"],
    ],
    [
        ["150", "150", r'{"amount":"\"150\""}', "1.5"],
        ["18446744073709551466", "-150", r'{"amount":"\"18446744073709551466\""}', "-1.5"],
        ["123456", "123456", r'{"amount":"\"123456\""}', "1234.56"],
    ],
]
for name, kind in TYPES.items():
    table = pa.table({"amount": pa.array([Decimal(amount) for amount in AMOUNTS], kind)})
    with pa.ipc.new_stream(name, table.schema) as writer:
        writer.write_table(table)
node = subprocess.run(["node", "read.cjs", *TYPES], stdout=subprocess.PIPE, check=True)
seen = json.loads(node.stdout)
print(f"{'type':<12} {'amount':<12} {'String()':<22} {'Number()':<10} {'row in JSON':<37} valueOf(2)")
for name, rows in zip(TYPES, seen, strict=True):
    for amount, row in zip(AMOUNTS, rows, strict=True):
        print(f"{name:<12} {amount:<12} {row[0]:<22} {row[1]:<10} {row[2]:<37} {row[3]}")
assert seen == WANTED, seen
PYTHON
echo "as described"
