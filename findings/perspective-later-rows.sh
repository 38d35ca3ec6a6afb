#!/usr/bin/env bash
# @perspective-dev/client 5.5.1 (JavaScript, Node.js) takes the types of a table from its first rows.  Its type
# "integer" has 32 bits.
# Expected: a later row that does not fit is an error, as it is where the rows come as CSV.
# Seen: where the rows come as objects or as columns, fractions are cut and large numbers are other numbers, without an
# error.  A row whose index is larger by 2**32 replaces another client.  A fraction as a text has six digits:
#   first rows   update                   the table has
#   1            1.9                      1
#   1            3000000000               -1294967296
#   1            20261130091500           1769356268
#   1            1.9, by CSV              error
#   index 1      index 4294967297         one row, index 1, with the values of the second
#   "esr"        0.123456789              "0.123457"
# With all rows at once the same numbers are doubles, and are kept.
# Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @perspective-dev/client@5.5.1 >/dev/null
cat >seen.mjs <<'JAVASCRIPT'
import perspective from "@perspective-dev/client/node";

async function rows(first, later, options) {
  const table = await perspective.table(first, options);
  try {
    if (later) await table.update(later);
  } catch {
    return "error";
  }
  return JSON.stringify(await (await table.view()).to_json());
}

console.log("at once", await rows([{ value: 1 }, { value: 1.9 }, { value: 20261130091500 }]));
for (const value of [1.9, 3000000000, 20261130091500]) {
  console.log(value, await rows([{ value: 1 }], [{ value }]), await rows({ value: [1] }, { value: [value] }));
}
console.log("CSV", await rows("value\n1\n", "value\n1.9\n"));
const clients = [[{ client: 1, pings: 5 }], [{ client: 2 ** 32 + 1, pings: 7 }]];
console.log("index", await rows(...clients, { index: "client" }));
console.log("text", await rows([{ value: "esr" }], [{ value: 0.123456789 }]));
process.exit(0);
JAVASCRIPT
node seen.mjs 2>/dev/null | tee seen.txt
diff seen.txt - <<'EXPECTED'
at once [{"value":1},{"value":1.9},{"value":20261130091500}]
1.9 [{"value":1},{"value":1}] [{"value":1},{"value":1}]
3000000000 [{"value":1},{"value":-1294967296}] [{"value":1},{"value":-1294967296}]
20261130091500 [{"value":1},{"value":1769356268}] [{"value":1},{"value":1769356268}]
CSV error
index [{"client":1,"pings":7}]
text [{"value":"esr"},{"value":"0.123457"}]
EXPECTED
echo "as described"
