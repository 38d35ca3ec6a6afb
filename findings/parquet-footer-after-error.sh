#!/usr/bin/env bash
# PyArrow 26.0.1: a ParquetWriter whose caller fails half way.
# Expected: the file has no footer, because close() was never called or the `with` block ended in an exception, so
# a reader refuses the part that was written.
# Seen: the writer writes a footer at the end of the `with` block and also when it is garbage-collected.  The part
# looks like a whole file.  A program has to write under another name and rename the file after close():
#   with block    OSError: the source ended early  the file reads as [1, 2] of 4 rows
#   no close()    OSError: the source ended early  the file reads as [1, 2] of 4 rows
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import gc

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema([("n", pa.int64())])


def batches():
    yield pa.record_batch({"n": [1, 2]})
    raise OSError("the source ended early")


def in_a_with_block(path):
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for batch in batches():
            writer.write_batch(batch)


def without_close(path):
    writer = pq.ParquetWriter(path, SCHEMA)
    for batch in batches():
        writer.write_batch(batch)
    writer.close()


for name, write in (("with block", in_a_with_block), ("no close()", without_close)):
    path = f"{write.__name__}.parquet"
    try:
        write(path)
    except OSError as error:
        raised = f"OSError: {error}"
    gc.collect()
    rows = pq.read_table(path)["n"].to_pylist()
    print(f"{name:<13} {raised}  the file reads as {rows} of 4 rows")
    assert rows == [1, 2]
PYTHON
echo "as described"
