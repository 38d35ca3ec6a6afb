#!/usr/bin/env bash
# dayjs 1.11.23 reads times and durations of ISO 8601.
# Expected: the time or duration, as luxon 3.7.2 reads it, or an invalid one.
# Seen: others, without an error.  In a time without a zone the digits after the point are milliseconds, however many
# there are, so that .05 s is 5 ms.  The sign before a duration is lost, and so is a fraction after a comma.  The day of
# a year is taken for a month and a day.  Seconds since 1970 are read as a date in the year of their first four digits:
#                              luxon                       dayjs
#   2026-11-29T10:00:00.05     2026-11-29T10:00:00.050Z    2026-11-29T10:00:00.005Z
#   2026-11-29T10:00:00.05Z    2026-11-29T10:00:00.050Z    2026-11-29T10:00:00.050Z
#   2026-333                   2026-11-29T00:00:00.000Z    2028-09-03T00:00:00.000Z
#   1796008516                 invalid                     1796-02-23T16:00:00.000Z
#   -PT1H                      -3600 s                     3600 s
#   PT0,5S                     0.5 s                       0 s
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund dayjs@1.11.23 luxon@3.7.2
cat >seen.js <<'JAVASCRIPT'
const dayjs = require("dayjs");
const { DateTime, Duration } = require("luxon");
dayjs.extend(require("dayjs/plugin/utc"));
dayjs.extend(require("dayjs/plugin/duration"));
const shown = (date) => (Number.isNaN(date.getTime()) ? "invalid" : date.toISOString());
const day = "2026-11-29T10:00:00";
for (const text of [`${day}.05`, `${day}.05Z`, "2026-333", "1796008516"]) {
  const byLuxon = DateTime.fromISO(text, { zone: "utc" }).toJSDate();
  console.log(text, shown(byLuxon), shown(dayjs.utc(text).toDate()));
}
for (const text of ["-PT1H", "PT0,5S"]) {
  console.log(text, Duration.fromISO(text).as("seconds"), dayjs.duration(text).asSeconds());
}
JAVASCRIPT
TZ=UTC node seen.js | tee seen.txt
diff seen.txt - <<'EXPECTED'
2026-11-29T10:00:00.05 2026-11-29T10:00:00.050Z 2026-11-29T10:00:00.005Z
2026-11-29T10:00:00.05Z 2026-11-29T10:00:00.050Z 2026-11-29T10:00:00.050Z
2026-333 2026-11-29T00:00:00.000Z 2028-09-03T00:00:00.000Z
1796008516 invalid 1796-02-23T16:00:00.000Z
-PT1H -3600 3600
PT0,5S 0.5 0
EXPECTED
echo "as described"
