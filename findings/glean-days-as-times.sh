#!/usr/bin/env bash
# Glean writes a datetime of the unit "day" as 2026-11-29-05:00, a date and the offset of its zone (@mozilla/glean
# 5.0.10 here).  Readers of ISO 8601 take that text.
# Expected: midnight of that day in that zone, or an error.
# Seen: fromisoformat() of Python 3.11 and newer and isoparse() of dateutil 4.0.0 take the sign for the letter T and the
# offset for the time of day, without an error, so that an event of New York has the hour 5 and no zone.  parse() of
# dateutil and pandas 3.1.1 do so west of Greenwich and fail east of it.  The unit "hour" is read right by all:
#                            2026-11-29+01:00    2026-11-29-05:00    2026-11-29T10-05:00
#   datetime.fromisoformat   01:00, no zone      05:00, no zone      10:00-05:00
#   dateutil, isoparse       01:00, no zone      05:00, no zone      10:00-05:00
#   dateutil, parse          ParserError         05:00, no zone      10:00-05:00
#   pandas.Timestamp         DateParseError      05:00, no zone      10:00-05:00
#   ciso8601                 ValueError          ValueError          10:00-05:00
# Needs Node.js 18 or newer and npm, and Python 3.11 or newer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet python-dateutil==4.0.0 pandas==3.1.1 ciso8601==2.4.1
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mozilla/glean@5.0.10 >/dev/null
# The package does not export the class of a value, so it is imported by its path.
cat > write.mjs <<'JAVASCRIPT'
import { readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";

const isFile = (path) => path.endsWith("metrics/types/datetime.js");
const path = readdirSync("node_modules/@mozilla/glean/dist", { recursive: true }).find(isFile);
const { DatetimeMetric } = await import(pathToFileURL(`node_modules/@mozilla/glean/dist/${path}`).href);
const noon = new Date(process.argv[2]);
console.log(DatetimeMetric.fromDate(noon, process.argv[3]).payload());
process.exit(0);
JAVASCRIPT
TZ=CET-1 node write.mjs 2026-11-29T12:00:00Z day > texts
TZ=EST5 node write.mjs 2026-11-29T15:30:00Z day >> texts
TZ=EST5 node write.mjs 2026-11-29T15:30:00Z hour >> texts
venv/bin/python - <<'PYTHON'
from datetime import datetime
from pathlib import Path

import ciso8601
import dateutil.parser
import pandas as pd


def read(parse, text):
    try:
        value = parse(text)
    except ValueError as error:
        return type(error).__name__
    assert (value.year, value.month, value.day, value.second) == (2026, 11, 29, 0)
    return value.isoformat()[11:16] + (value.isoformat()[19:] if value.tzinfo else ", no zone")


READERS = {
    "datetime.fromisoformat": datetime.fromisoformat,
    "dateutil, isoparse": dateutil.parser.isoparse,
    "dateutil, parse": dateutil.parser.parse,
    "pandas.Timestamp": pd.Timestamp,
    "ciso8601": ciso8601.parse_datetime,
}
texts = Path("texts").read_text().split()
print(" " * 24, "".join(f"{text:<20}" for text in texts).rstrip())
seen = {}
for name, parse in READERS.items():
    seen[name] = [read(parse, text) for text in texts]
    print(f"{name:<24}", "".join(f"{found:<20}" for found in seen[name]).rstrip())
assert texts == ["2026-11-29+01:00", "2026-11-29-05:00", "2026-11-29T10-05:00"]
HOUR = "10:00-05:00"
assert list(seen.values()) == [
    ["01:00, no zone", "05:00, no zone", HOUR],
    ["01:00, no zone", "05:00, no zone", HOUR],
    ["ParserError", "05:00, no zone", HOUR],
    ["DateParseError", "05:00, no zone", HOUR],
    ["ValueError", "ValueError", HOUR],
]
PYTHON
echo "as described"
