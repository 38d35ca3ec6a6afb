#!/usr/bin/env bash
# dataframe-js 1.4.4 (JavaScript) answers queries in SQL on a table of five channels with a number each.
# Expected: the rows of standard SQL, or an error where a part of the language is not there.
# Seen: none of these is an error.  `ORDER BY` and `LIMIT` are ignored.  `=` finds no number, and `!=` leaves none out.
# `IN` looks for the value in the text of the list, so that 1 is in `(9,10)`.  `LIKE` takes `%` for itself, and finds
# also the values that are a part of the pattern.  `AND` binds no more than `OR`, and `or` in small letters finds
# nothing.  The second of two functions is left out:
#   ORDER BY n                                          10, 9, 2, 5, 1
#   LIMIT 2                                             10, 9, 2, 5, 1
#   WHERE n = 9                                         none
#   WHERE n != 9                                        10, 9, 2, 5, 1
#   WHERE n IN (9,10)                                   10, 9, 1
#   WHERE channel LIKE 'rel%'                           none
#   WHERE channel LIKE 'nightly-2026'                   1, of the channel "nightly"
#   WHERE channel = 'beta' OR channel = 'esr' AND n > 100   none, in place of the 5 of "beta"
#   WHERE channel = 'beta' or channel = 'esr'           none
#   SELECT MAX(n), MIN(n)                               10
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund dataframe-js@1.4.4 >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const { DataFrame } = require("dataframe-js");

new DataFrame([
  { channel: "release", n: 10 }, { channel: "esr", n: 9 }, { channel: "default", n: 2 }, { channel: "beta", n: 5 },
  { channel: "nightly", n: 1 },
]).sql.register("pings");
for (const rest of [
  "WHERE n > 5",
  "WHERE channel = 'beta' OR channel = 'esr'",
  "ORDER BY n",
  "LIMIT 2",
  "WHERE n = 9",
  "WHERE n != 9",
  "WHERE n IN (9,10)",
  "WHERE channel LIKE 'rel%'",
  "WHERE channel LIKE 'nightly-2026'",
  "WHERE channel = 'beta' OR channel = 'esr' AND n > 100",
  "WHERE channel = 'beta' or channel = 'esr'",
]) {
  const numbers = DataFrame.sql.request(`SELECT n FROM pings ${rest}`).toArray("n");
  console.log(`${rest} | ${numbers.join(", ") || "none"}`);
}
console.log(`MAX(n), MIN(n) | ${DataFrame.sql.request("SELECT MAX(n), MIN(n) FROM pings")}`);
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
WHERE n > 5 | 10, 9
WHERE channel = 'beta' OR channel = 'esr' | 9, 5
ORDER BY n | 10, 9, 2, 5, 1
LIMIT 2 | 10, 9, 2, 5, 1
WHERE n = 9 | none
WHERE n != 9 | 10, 9, 2, 5, 1
WHERE n IN (9,10) | 10, 9, 1
WHERE channel LIKE 'rel%' | none
WHERE channel LIKE 'nightly-2026' | 1
WHERE channel = 'beta' OR channel = 'esr' AND n > 100 | none
WHERE channel = 'beta' or channel = 'esr' | none
MAX(n), MIN(n) | 10
EXPECTED
echo "as described"
