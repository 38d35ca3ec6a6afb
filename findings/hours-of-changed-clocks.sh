#!/usr/bin/env bash
# arrow 1.4.0 (Python), dayjs 1.11.23 and @date-fns/tz 1.5.0 with date-fns 4.4.0 (JavaScript) put times in New York into
# hours, on the days on which the clocks change.
# Expected: the hour of a time begins at most an hour before it, as with pendulum 3.3.0 and luxon 3.7.2; a day with 25
# hours has 25 of them.
# Seen: other hours, without an error.  arrow and @date-fns/tz put the second hour from 1 to 2 o'clock into the first,
# and leave it out of a list of hours.  dayjs begins an hour too early or too late, even after the time itself.  The
# hours in the table are UTC:
#   time (UTC)         pendulum  luxon   arrow   dayjs   @date-fns/tz
#   2026-11-01 05:30   05:00     05:00   05:00   05:00   05:00
#   2026-11-01 06:30   06:00     06:00   05:00   05:00   05:00
#   2026-11-01 07:30   07:00     07:00   07:00   06:00   07:00
#   2026-03-08 07:30   07:00     07:00   07:00   08:00   07:00
#   hours of the day   25                24              24
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet arrow==1.4.0 pendulum==3.3.0 tzdata==2026.6
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund luxon@3.7.2 dayjs@1.11.23 date-fns@4.4.0 @date-fns/tz@1.5.0
cat >seen.py <<'PYTHON'
import arrow
import pendulum

ZONE = "America/New_York"
for time in ("2026-11-01T05:30", "2026-11-01T06:30", "2026-11-01T07:30", "2026-03-08T07:30"):
    by_pendulum = pendulum.parse(time).in_timezone(ZONE).start_of("hour").in_timezone("UTC")
    by_arrow = arrow.get(time).to(ZONE).floor("hour").to("UTC")
    print(time, by_pendulum.format("HH:mm"), by_arrow.format("HH:mm"))
first, last = pendulum.datetime(2026, 11, 1, tz=ZONE), pendulum.datetime(2026, 11, 1, 23, tz=ZONE)
by_pendulum = list(pendulum.interval(first, last).range("hours"))
by_arrow = list(arrow.Arrow.span_range("hour", arrow.get(first), arrow.get(last)))
print("hours", len(by_pendulum), len(by_arrow))
PYTHON
cat >seen.js <<'JAVASCRIPT'
const { DateTime } = require("luxon");
const dayjs = require("dayjs");
const { TZDate } = require("@date-fns/tz");
const { eachHourOfInterval, startOfHour } = require("date-fns");
dayjs.extend(require("dayjs/plugin/utc"));
dayjs.extend(require("dayjs/plugin/timezone"));
const zone = "America/New_York";
const clock = (time) => new Date(Number(time)).toISOString().slice(11, 16);
for (const time of ["2026-11-01T05:30", "2026-11-01T06:30", "2026-11-01T07:30", "2026-03-08T07:30"]) {
  const moment = new Date(`${time}Z`);
  const byLuxon = clock(DateTime.fromJSDate(moment, { zone }).startOf("hour"));
  const byDayjs = clock(dayjs(moment).tz(zone).startOf("hour"));
  console.log(byLuxon, byDayjs, clock(startOfHour(new TZDate(moment, zone))));
}
const start = new TZDate("2026-11-01T04:00Z", zone);
const end = new TZDate("2026-11-02T04:00Z", zone);
console.log(eachHourOfInterval({ start, end }).length);
JAVASCRIPT
TZ=UTC venv/bin/python seen.py >python.txt
TZ=UTC node seen.js >javascript.txt
paste -d ' ' python.txt javascript.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
2026-11-01T05:30 05:00 05:00 05:00 05:00 05:00
2026-11-01T06:30 06:00 05:00 06:00 05:00 05:00
2026-11-01T07:30 07:00 07:00 07:00 06:00 07:00
2026-03-08T07:30 07:00 07:00 07:00 08:00 07:00
hours 25 24 24
EXPECTED
echo "as described"
