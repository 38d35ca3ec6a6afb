#!/usr/bin/env bash
# csv-parse 7.0.3 (JavaScript) reads the fields of a CSV file as numbers with `cast: true`, and as dates with
# `cast_date: true`.  Papa Parse 5.7.1 has `dynamicTyping` for this, and d3-dsv 3.0.1 has `autoType`.
# Expected: a field that is no decimal number stays a text, or is read as the number that it is.  Only a date is a date.
# Seen: csv-parse reads each hexadecimal and each binary number as 0, without an error, so that all addresses of
# crashes are one.  A name with a number at its end is a date, so that Windows 10 is the first of October 2001.
# It rounds an identifier of 64 bits, as d3-dsv does, where Papa Parse keeps the text:
#                      csv-parse            Papa Parse         d3-dsv
#   0x7ff8e0b1         0                    0x7ff8e0b1         2147016881
#   0b101              0                    0b101              5
#   9007199254740993   9007199254740992     9007199254740993   9007199254740992
#   Windows 10         date of 2001-10-01   Windows 10         Windows 10
#   Linux 6.1          date of 2001-06-01   Linux 6.1          Linux 6.1
#   iPhone 12          date of 2001-12-01   iPhone 12          iPhone 12
#   pref-11            date of 2001-11-01   pref-11            pref-11
#   search             search               search             search
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund csv-parse@7.0.3 papaparse@5.7.1 d3-dsv@3.0.1 >/dev/null
cat >seen.mjs <<'JAVASCRIPT'
import { parse } from "csv-parse/sync";
import Papa from "papaparse";
import { autoType, csvParse } from "d3-dsv";

const FIELDS = [
  "0x7ff8e0b1", "0b101", "9007199254740993", "Windows 10", "Linux 6.1", "iPhone 12", "pref-11", "search",
];
const show = (value) => (value instanceof Date ? value.toISOString().slice(0, 10) : JSON.stringify(value));
const text = ["value", ...FIELDS].join("\n");
const options = { columns: true, cast: true, cast_date: true };
const readers = [
  parse(text, options),
  Papa.parse(text, { header: true, dynamicTyping: true }).data,
  csvParse(text, autoType),
];
FIELDS.forEach((field, index) => {
  const values = readers.map((rows) => rows[index].value);
  console.log([field, ...values.map(show)].join(" | "));
});
JAVASCRIPT
TZ=UTC node seen.mjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
0x7ff8e0b1 | 0 | "0x7ff8e0b1" | 2147016881
0b101 | 0 | "0b101" | 5
9007199254740993 | 9007199254740992 | "9007199254740993" | 9007199254740992
Windows 10 | 2001-10-01 | "Windows 10" | "Windows 10"
Linux 6.1 | 2001-06-01 | "Linux 6.1" | "Linux 6.1"
iPhone 12 | 2001-12-01 | "iPhone 12" | "iPhone 12"
pref-11 | 2001-11-01 | "pref-11" | "pref-11"
search | "search" | "search" | "search"
EXPECTED
echo "as described"
