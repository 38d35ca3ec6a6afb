#!/usr/bin/env bash
# hyparquet 1.33.0 (npm) reads a Parquet file of PyArrow 26.0.1 with columns of 32 and 64 bits, times and decimals, and
# filters its rows.
# Expected: the rows whose number is 2, and the decimals and times that were written.
# Seen: in a column of 64 bits `$eq` and `$in` find no plain number, and `$ne` and `$nin` leave none out, while `$gt` and
# `$lt` compare as expected.  `2n` finds rows in columns of 64 bits and none in those of 32.  A decimal of 16 digits has
# another last digit.  A moment before 1970 is in a later millisecond.  There is no error:
#   filter                     rows with 32 bits  rows with 64 bits
#   {"$eq":2}                  [2]                []
#   {"$in":[2]}                [2]                []
#   {"$ne":2}                  [1,3]              [1,2,3]
#   {"$nin":[2]}               [1,3]              [1,2,3]
#   {"$gt":1.5}                [2,3]              [2,3]
#   {"$lt":2}                  [1]                [1]
#   {"$eq":2n}                 []                 [2]
#   column   written                          read
#   decimal  90071992547409.93                90071992547409.92
#   moment   1969-12-31T23:59:59.998500Z      1969-12-31T23:59:59.999Z
# Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund hyparquet@1.33.0 >/dev/null
venv/bin/python - <<'PYTHON'
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet

moment = datetime(1969, 12, 31, 23, 59, 59, 998500, tzinfo=UTC)
table = pa.table({
    "short": pa.array([1, 2, 3], pa.int32()),
    "long": pa.array([1, 2, 3], pa.int64()),
    "decimal": pa.array([Decimal("90071992547409.93")] * 3, pa.decimal128(16, 2)),
    "moment": pa.array([moment] * 3, pa.timestamp("us", "UTC")),
})
pa.parquet.write_table(table, "rows.parquet")
PYTHON
cat > read.mjs <<'JAVASCRIPT'
import assert from "assert";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";

const file = await asyncBufferFromFile("rows.parquet");
const text = (value) => JSON.stringify(value, (key, part) => (typeof part === "bigint" ? `${part}n` : part));

// The filter, and the rows that it finds with 32 bits and with 64 bits.
const FILTERS = [
  [{ $eq: 2 }, [2], []],
  [{ $in: [2] }, [2], []],
  [{ $ne: 2 }, [1, 3], [1, 2, 3]],
  [{ $nin: [2] }, [1, 3], [1, 2, 3]],
  [{ $gt: 1.5 }, [2, 3], [2, 3]],
  [{ $lt: 2 }, [1], [1]],
  [{ $eq: 2n }, [], [2]],
];
console.log("filter".padEnd(26), "rows with 32 bits".padEnd(18), "rows with 64 bits");
for (const [filter, ...wanted] of FILTERS) {
  const seen = [];
  for (const column of ["short", "long"]) {
    const rows = await parquetReadObjects({ file, filter: { [column]: filter } });
    seen.push(rows.map((row) => row.short));
  }
  console.log(text(filter).replaceAll('"2n"', "2n").padEnd(26), text(seen[0]).padEnd(18), text(seen[1]));
  assert.deepStrictEqual(seen, wanted);
}

// The column, the text that was written, and the value that was read.
const VALUES = [
  ["decimal", "90071992547409.93", 90071992547409.92],
  ["moment", "1969-12-31T23:59:59.998500Z", new Date("1969-12-31T23:59:59.999Z")],
];
const [row] = await parquetReadObjects({ file });
console.log("column".padEnd(8), "written".padEnd(32), "read");
for (const [column, written, wanted] of VALUES) {
  console.log(column.padEnd(8), written.padEnd(32), text(row[column]).replace(/^"(.*)"$/, "$1"));
  assert.equal(text(row[column]), text(wanted));
}
JAVASCRIPT
node read.mjs
echo "as described"
