#!/usr/bin/env bash
# Five libraries for JavaScript write CSV files, which Python's csv reads: csv-stringify 6.9.0, @json2csv/plainjs 7.0.8,
# jsonexport 3.2.0, csv-writer 1.6.0 and json-2-csv 5.6.0.
# Expected: `false` is not the same as an absent value, a time keeps its hour, a long integer its digits, and a table
# has as many rows as it had objects.
# Seen: csv-stringify writes `false` as an empty field and `true` as 1, and a time as a number.  jsonexport leaves out
# the hour of a time, and the whole of a BigInt.  json-2-csv writes "null" and "undefined".  csv-writer and jsonexport
# write a carriage return without quotes, which begins another row.  json2csv leaves out an object whose only field is
# null, so that 4 objects are 3 rows.  None of this is an error:
#                           csv-stringify   json2csv              jsonexport   csv-writer   json-2-csv
#   false                   empty           false                 false        false        false
#   true                    1               true                  true         true         true
#   the time 10:30          1796034600000   2026-11-30T10:30 ...  11/30/2026   Mon Nov ...  Mon Nov ...
#   the BigInt 2**53 + 1    kept            kept                  empty        kept         kept
#   null and absent         empty           empty                 empty        empty        null, undefined
#   rows of 2, one "x\ry"    2               2                     3            3            2
#   rows of 4, one null     4               3                     4            4            4
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund csv-stringify@6.9.0 @json2csv/plainjs@7.0.8 jsonexport@3.2.0 \
  csv-writer@1.6.0 json-2-csv@5.6.0 >/dev/null
cat >write.mjs <<'JAVASCRIPT'
import { writeFileSync } from "node:fs";
import { Parser } from "@json2csv/plainjs";
import { stringify } from "csv-stringify/sync";
import csvWriter from "csv-writer";
import { json2csv } from "json-2-csv";
import jsonexport from "jsonexport";

const writers = {
  "csv-stringify": (rows) => stringify(rows, { header: true }),
  json2csv: (rows) => new Parser().parse(rows),
  jsonexport: (rows) => jsonexport(rows),
  "csv-writer": (rows) => {
    const header = Object.keys(rows[0]).map((name) => ({ id: name, title: name }));
    const writer = csvWriter.createObjectCsvStringifier({ header });
    return writer.getHeaderString() + writer.stringifyRecords(rows);
  },
  "json-2-csv": (rows) => json2csv(rows),
};
const values = [{
  off: false, on: true, time: new Date("2026-11-30T10:30:00Z"), id: 9007199254740993n, none: null, absent: undefined,
  last: 1,
}];
const lines = [{ text: "first" }, { text: "x\ry" }];
const nulls = [{ tabs: 5 }, { tabs: 0 }, { tabs: null }, { tabs: 7 }];
for (const [name, write] of Object.entries(writers)) {
  writeFileSync(`${name}.values.csv`, await write(values));
  writeFileSync(`${name}.lines.csv`, await write(lines));
  writeFileSync(`${name}.nulls.csv`, await write(nulls));
}
JAVASCRIPT
cat >read.py <<'PYTHON'
import csv

for name in ("csv-stringify", "json2csv", "jsonexport", "csv-writer", "json-2-csv"):
    with open(f"{name}.values.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    names = ("off", "on", "time", "id", "none", "absent")
    print(name, *(row[column][:16].strip() or "-" for column in names), sep=" | ")
    counts = []
    for part in ("lines", "nulls"):
        with open(f"{name}.{part}.csv", newline="") as file:
            counts.append(len(list(csv.reader(file))) - 1)
    print("  rows:", *counts)
PYTHON
LC_ALL=C TZ=UTC node write.mjs
python3 read.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
csv-stringify | - | 1 | 1796034600000 | 9007199254740993 | - | -
  rows: 2 4
json2csv | false | true | 2026-11-30T10:30 | 9007199254740993 | - | -
  rows: 2 3
jsonexport | false | true | 11/30/2026 | - | - | -
  rows: 3 4
csv-writer | false | true | Mon Nov 30 2026 | 9007199254740993 | - | -
  rows: 3 4
json-2-csv | false | true | Mon Nov 30 2026 | 9007199254740993 | null | undefined
  rows: 2 4
EXPECTED
echo "as described"
