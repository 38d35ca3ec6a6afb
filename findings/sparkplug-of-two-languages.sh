#!/usr/bin/env bash
# sparkplug-payload 1.0.3 (JavaScript, of Eclipse Tahu) reads metrics in the format Sparkplug B, which devices send by
# MQTT.  pysparkplug 0.6.1 (Python) writes them.
# Expected: a number is read as it was written, whatever else is installed.  A value that is no number of its type is
# refused.
# Seen: sparkplug-payload reads small negative numbers as positive ones, and a UInt32 as null.  It reads the Int64 -5 as
# 18446744073709551611 if the program has another version of the package "long".  It writes a Date as the moment 0, and
# a number past its type as another one.  None of this is an error:
#   written by pysparkplug       read by sparkplug-payload
#   Int8 -5                      251
#   Int16 -300                   65236
#   Int32 -5                     -5
#   UInt32 7                     null
#   Int64 -5                     -5
#   Int64 -5                     18446744073709551611, with long 5.3.2 beside it
#   written by sparkplug-payload
#   DateTime, a Date             0
#   Int32 3000000000             -1294967296
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pysparkplug==0.6.1
cd "$folder"
for place in alone beside; do
  mkdir "$place"
  (cd "$place" && npm init --yes >/dev/null)
done
(cd alone && npm install --silent --no-audit --no-fund sparkplug-payload@1.0.3)
(cd beside && npm install --silent --no-audit --no-fund sparkplug-payload@1.0.3 long@5.3.2)
cat >write.py <<'PYTHON'
from pysparkplug import DataType, DBirth, Metric

VALUES = [
    (DataType.INT8, -5), (DataType.INT16, -300), (DataType.INT32, -5), (DataType.UINT32, 7), (DataType.INT64, -5),
]
for datatype, value in VALUES:
    metric = Metric(timestamp=1795928767123, name="level", datatype=datatype, value=value)
    print(datatype.name, value, DBirth(timestamp=1795928767123, seq=0, metrics=(metric,)).encode().hex())
PYTHON
cat >alone/read.js <<'JAVASCRIPT'
const fs = require("fs");
const { decodePayload, encodePayload } = require("sparkplug-payload").get("spBv1.0");

for (const line of fs.readFileSync(0, "utf8").trim().split("\n")) {
  const [type, value, hex] = line.split(" ");
  console.log(type, value, "read as", String(decodePayload(Buffer.from(hex, "hex")).metrics[0].value));
}
const VALUES = [
  ["DateTime", 1795928767123], ["DateTime", new Date(1795928767123)], ["Int64", -5], ["Int32", 3000000000],
];
for (const [type, value] of VALUES) {
  const metric = { name: "level", timestamp: 1795928767123, type, value };
  const written = encodePayload({ timestamp: 1795928767123, seq: 0, metrics: [metric] });
  const name = value instanceof Date ? "Date" : value;
  console.log(type, name, "written, read as", String(decodePayload(written).metrics[0].value));
}
JAVASCRIPT
cp alone/read.js beside
venv/bin/python write.py >written.txt
for place in alone beside; do
  echo "$place"
  node "$place/read.js" <written.txt
done >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
alone
INT8 -5 read as 251
INT16 -300 read as 65236
INT32 -5 read as -5
UINT32 7 read as null
INT64 -5 read as -5
DateTime 1795928767123 written, read as 1795928767123
DateTime Date written, read as 0
Int64 -5 written, read as -5
Int32 3000000000 written, read as -1294967296
beside
INT8 -5 read as 251
INT16 -300 read as 65236
INT32 -5 read as -5
UINT32 7 read as null
INT64 -5 read as 18446744073709551611
DateTime 1795928767123 written, read as 1795928767123
DateTime Date written, read as 0
Int64 -5 written, read as 18446744073709551611
Int32 3000000000 written, read as -1294967296
EXPECTED
echo "as described"
