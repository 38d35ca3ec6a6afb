#!/usr/bin/env bash
# influx-line-protocol 0.1.5 (Python) and json-to-line-protocol 0.2.0 (JavaScript) write the line protocol of InfluxDB.
# line-protocol-parser 2.0.1 reads it.
# Expected: a field is read as the number or the text that it was, and a point at the time that it had.
# Seen: influx-line-protocol keeps six digits of a fraction.  json-to-line-protocol writes texts without quotes, so that
# a text of digits, or one such as "T", is read as a number or a boolean.  It leaves out the time 0.  There is no error:
#   field              by influx-line-protocol  by json-to-line-protocol
#   1234567.5          1234570.0                1234567.5
#   1796020409.25      1796020000.0             1796020409.25
#   0.123456789        0.123457                 0.123456789
#   99999.95           99999.9                  99999.95
#   "115.10" (text)    "115.10"                 115.1
#   "T" (text)         "T"                      true
#   the point's time   0                        null
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet influx-line-protocol==0.1.5 line-protocol-parser==2.0.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund json-to-line-protocol@0.2.0
cat >fields.json <<'JSON'
[1234567.5, 1796020409.25, 0.123456789, 99999.95, "115.10", "T"]
JSON
cat >write.cjs <<'JAVASCRIPT'
const { convert } = require("json-to-line-protocol");
for (const value of require("./fields.json")) {
  console.log(convert({ measurement: "ping", tags: {}, fields: { value }, ts: 0 }));
}
JAVASCRIPT
cat >read.py <<'PYTHON'
import json

from influx_line_protocol import Metric
from line_protocol_parser import parse_line

with open("fields.json") as file:
    fields = json.load(file)
with open("javascript.txt") as file:
    lines = file.read().splitlines()
for value, line in zip(fields, lines, strict=True):
    metric = Metric("ping")
    metric.add_value("value", value)
    metric.with_timestamp(0)
    points = [parse_line(written) for written in (str(metric), line)]
    values = [json.dumps(point["fields"]["value"]) for point in points]
    print(json.dumps(value), "|", *values, "|", *[json.dumps(point["time"]) for point in points])
PYTHON
node write.cjs >javascript.txt
venv/bin/python read.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
1234567.5 | 1234570.0 1234567.5 | 0 null
1796020409.25 | 1796020000.0 1796020409.25 | 0 null
0.123456789 | 0.123457 0.123456789 | 0 null
99999.95 | 99999.9 99999.95 | 0 null
"115.10" | "115.10" 115.1 | 0 null
"T" | "T" true | 0 null
EXPECTED
echo "as described"
