#!/usr/bin/env bash
# @tidyjs/tidy 2.6.1 (JavaScript) adds the rows that a table lacks by `complete()`, with 0 for each absent pair of
# values, as tidyr does in R.  Its functions for sequences give all values between the first and the last one.
# Expected: no row is repeated, and none is lost, so that the sum stays as it is.
# Seen: neither holds, and there is no error.  Equal days are different ones where they are Dates, so that each row
# comes again for each Date that is equal to its own.  A sequence in steps of 0.1 passes 0.3, because it holds
# 0.30000000000000004, and the row with 0.3 is lost.  A sequence of months from the 31st passes November:
#   3 pings of 2 days on 2 systems, 7 in all, the days as texts   4 rows, 7 in all
#   the same, the days as Dates                                   6 rows, 10 in all
#   0.1, 0.3 and 0.5 with 1, 2 and 4, in steps of 0.1             5 rows, 5 in all
#   months from 31 October to 31 December                         31 October, 1 December
#   different days of the 3 pings                                 2 as texts, 3 as Dates
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @tidyjs/tidy@2.6.1 >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const { complete, expand, fullSeq, fullSeqDateISOString, nDistinct, summarize, sum, n, tidy } = require("@tidyjs/tidy");

const texts = [
  { day: "2026-11-28", os: "Windows", pings: 1 }, { day: "2026-11-28", os: "Linux", pings: 2 },
  { day: "2026-11-29", os: "Windows", pings: 4 },
];
const dates = texts.map((row) => ({ ...row, day: new Date(row.day) }));
const shares = [{ share: 0.1, pings: 1 }, { share: 0.3, pings: 2 }, { share: 0.5, pings: 4 }];
const months = [{ day: "2026-10-31" }, { day: "2026-12-31" }];
const totals = (rows, ...steps) => tidy(rows, ...steps, summarize({ rows: n(), pings: sum("pings") }))[0];
const show = (name, value) => console.log(name, JSON.stringify(value));
show("texts", totals(texts, complete(["day", "os"], { pings: 0 })));
show("dates", totals(dates, complete(["day", "os"], { pings: 0 })));
show("shares", totals(shares, complete({ share: fullSeq("share", 0.1) }, { pings: 0 })));
const allMonths = tidy(months, expand({ day: fullSeqDateISOString("day", "month", 1) }));
show("months", allMonths.map(({ day }) => day.slice(0, 10)));
show("different", [texts, dates].map((rows) => tidy(rows, summarize({ days: nDistinct("day") }))[0].days));
JAVASCRIPT
TZ=UTC node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
texts {"rows":4,"pings":7}
dates {"rows":6,"pings":10}
shares {"rows":5,"pings":5}
months ["2026-10-31","2026-12-01"]
different [2,3]
EXPECTED
echo "as described"
