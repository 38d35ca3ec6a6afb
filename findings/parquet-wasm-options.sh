#!/usr/bin/env bash
# parquet-wasm 0.8.0 (JavaScript) reads a Parquet file of 1,000 rows in ten row groups, with three columns.  Its
# functions `readParquet`, `ParquetFile.read` and `ParquetFile.stream` have the same options.
# Expected: an option does the same in all three.
# Seen: `readParquet` ignores `columns`.  `stream` counts `limit` and `offset` anew in each row group, so that a
# limit of 10 gives 100 rows, and an offset past the first row group gives none.  There is no error:
#                               readParquet   read     stream
#   columns: ["tabs"]           3 columns     1        1
#   limit: 10                   10 rows       10       100
#   limit: 150                  150 rows      150      1000
#   offset: 120                 880 rows      880      0
#   offset: 120, limit: 150     150 rows      150      0
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund parquet-wasm@0.8.0 apache-arrow@21.2.0 >/dev/null
venv/bin/python - <<'PYTHON'
import pyarrow as pa
import pyarrow.parquet as pq

numbers = list(range(1000))
table = pa.table({"client": numbers, "tabs": numbers, "uptime": numbers})
pq.write_table(table, "pings.parquet", row_group_size=100)
PYTHON
cat >seen.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { tableFromIPC } from "apache-arrow";
import { ParquetFile, readParquet } from "parquet-wasm/node";

const bytes = readFileSync("pings.parquet");
const file = await ParquetFile.fromFile(new Blob([bytes]));
const size = ({ numRows, numCols }) => `${numRows}x${numCols}`;

async function streamed(options) {
  let [rows, columns] = [0, 0];
  for await (const batch of await file.stream(options)) {
    const table = tableFromIPC(batch.intoIPCStream());
    rows += table.numRows;
    columns = table.numCols;
  }
  return rows ? `${rows}x${columns}` : "no rows";
}

const OPTIONS = [{ columns: ["tabs"] }, { limit: 10 }, { limit: 150 }, { offset: 120 }, { offset: 120, limit: 150 }];
for (const options of OPTIONS) {
  const atOnce = tableFromIPC(readParquet(bytes, options).intoIPCStream());
  const read = tableFromIPC((await file.read(options)).intoIPCStream());
  console.log([JSON.stringify(options), size(atOnce), size(read), await streamed(options)].join(" | "));
}
JAVASCRIPT
node seen.mjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
{"columns":["tabs"]} | 1000x3 | 1000x1 | 1000x1
{"limit":10} | 10x3 | 10x3 | 100x3
{"limit":150} | 150x3 | 150x3 | 1000x3
{"offset":120} | 880x3 | 880x3 | no rows
{"offset":120,"limit":150} | 150x3 | 150x3 | no rows
EXPECTED
echo "as described"
