#!/usr/bin/env bash
# Readers of zstd files, given a file of two frames and the same file cut in its second frame.  Node's zlib (24.21)
# returns the first frame of either.  DuckDB 2.0.1 and pandas 3.1.1 read both frames; of the cut file they return what came
# before the cut, without an error.  Polars 2.1.0 and PyArrow 26.0.1 report an error.
# Needs npm, for a Node of this version.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet backports.zstd==1.8.0 duckdb==2.0.1 pandas==3.1.1 zstandard==0.25.0 polars==2.1.0 pyarrow==26.0.1
npm init -y >/dev/null
npm install --silent --no-audit --no-fund node@24.21.0 >/dev/null
cat > read.js <<'JAVASCRIPT'
const fs = require("fs"), zlib = require("zlib");
console.log(JSON.stringify(["whole", "cut"].map((name) => zlib.zstdDecompressSync(fs.readFileSync(name + ".csv.zst")).toString())));
JAVASCRIPT
node=$(find node_modules -type f -name node -perm -u+x | head -1)
NODE="$PWD/$node" venv/bin/python - <<'PYTHON'
import json
import os
import subprocess
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow
from backports import zstd

# Each line is long and random, so that a cut in the last line cuts a block of its frame.
frames = [zstd.compress(f"{n},{os.urandom(200_000).hex()}\n".encode()) for n in (1, 2)]
data = b"".join(frames)
Path("whole.csv.zst").write_bytes(data)
Path("cut.csv.zst").write_bytes(data[: len(frames[0]) + len(frames[1]) // 2])


def numbers_in_duckdb(name):
    rows = duckdb.sql(f"SELECT column0 FROM read_csv('{name}', header = false, ignore_errors = true)").fetchall()
    return [row[0] for row in rows]


def attempt(read, name):
    try:
        return read(name)
    except Exception as error:
        return type(error).__name__


readers = {
    "DuckDB": numbers_in_duckdb,
    "pandas": lambda name: pandas.read_csv(name, header=None)[0].tolist(),
    "Polars": lambda name: polars.read_csv(name, has_header=False).height,
    "PyArrow": lambda name: pyarrow.input_stream(name, compression="zstd").read().count(b"\n"),
}
seen = {reader: [attempt(read, f"{name}.csv.zst") for name in ("whole", "cut")] for reader, read in readers.items()}
output = subprocess.run([os.environ["NODE"], "read.js"], capture_output=True, text=True, check=True).stdout
seen["Node"] = [[int(line.partition(",")[0]) for line in text.splitlines()] for text in json.loads(output)]
for reader, found in seen.items():
    print(f"{reader:<8} whole {found[0]}, cut {found[1]}")
assert seen["Node"] == [[1], [1]]
assert seen["DuckDB"][0] == seen["pandas"][0] == [1, 2]
assert isinstance(seen["DuckDB"][1], list) and isinstance(seen["pandas"][1], list)
assert isinstance(seen["Polars"][1], str) and isinstance(seen["PyArrow"][1], str)
PYTHON
echo "as described"
