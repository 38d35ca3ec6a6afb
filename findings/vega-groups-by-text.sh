#!/usr/bin/env bash
# vega 6.4.0 (npm) groups pings with the transform "aggregate", whose "groupby" names the fields, and estimates a
# density with "kde".
# Expected: rows are in one group if their fields are equal, and a row without a value is no sample.
# Seen: rows are in one group if the texts of their fields, joined by "|", are equal, without a warning, and the group
# has the fields of its first row.  Times of one second are therefore one group.  "kde" takes null for the sample 0:
#                                          groups expected    groups seen
#   0 s, 0.9 s and 1 s after 1970 began    3                  2
#   "115" and 115                          2                  1
#   "null" and null                        2                  1
#   ("a|b", "c") and ("a", "b|c")          2                  1
#   density at 0 of the samples 5 and 5    0                  0
#   density at 0 of 5, null and 5          0                  0.44
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund vega@6.4.0
cat >seen.mjs <<'JAVASCRIPT'
import { parse, View } from "vega";

async function transformed(values, transform) {
  const view = new View(parse({ data: [{ name: "pings", values, transform: [transform] }] }), { renderer: "none" });
  await view.runAsync();
  return view.data("pings");
}

const GROUPS = [
  [0, 900, 1000].map((time) => ({ a: new Date(time) })),
  [{ a: "115" }, { a: 115 }],
  [{ a: "null" }, { a: null }],
  [{ a: "a|b", b: "c" }, { a: "a", b: "b|c" }],
];
for (const rows of GROUPS) {
  const groups = await transformed(rows, { type: "aggregate", groupby: Object.keys(rows[0]) });
  console.log(rows.length, "rows,", groups.length, "groups:", JSON.stringify(groups));
}
for (const samples of [[5, 5], [5, null, 5]]) {
  const rows = samples.map((n) => ({ n }));
  const [{ density }] = await transformed(rows, {
    type: "kde", field: "n", bandwidth: 0.3, extent: [0, 5], steps: 1,
  });
  console.log(`density at 0 of ${JSON.stringify(samples)}: ${density.toFixed(2)}`);
}
JAVASCRIPT
node seen.mjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
3 rows, 2 groups: [{"a":"1970-01-01T00:00:00.000Z","count":2},{"a":"1970-01-01T00:00:01.000Z","count":1}]
2 rows, 1 groups: [{"a":"115","count":2}]
2 rows, 1 groups: [{"a":"null","count":2}]
2 rows, 1 groups: [{"a":"a|b","b":"c","count":2}]
density at 0 of [5,5]: 0.00
density at 0 of [5,null,5]: 0.44
EXPECTED
echo "as described"
