#!/usr/bin/env bash
# avro 1.12.2 (Python) and fastavro 1.13.1 write decimal numbers by a schema with precision 5 and scale 2.
# Expected: a number with fewer digits after the point is the same number, and one with more than five digits is an
# error.
# Seen: avro drops the exponent of the number, so that 1.5 is read as 0.15 and 1E+2 as 0.01, without an error, by itself
# and by others.  Too many digits are written in full, but cut to five when avro reads them.  fastavro is right:
#   written         avro, read by avro   avro, read by fastavro   fastavro, read by both
#   1.50            1.50                 1.50                     1.50
#   1.5             0.15                 0.15                     1.50
#   7               0.07                 0.07                     7.00
#   1E+2            0.01                 0.01                     100.00
#   1234567.89      1.2346E+6            1.2346E+6                ValueError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fastavro==1.13.1 avro==1.12.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import io
import json
from decimal import Decimal

import avro.io
import avro.schema
import fastavro

SCHEMA = {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}
PARSED = avro.schema.parse(json.dumps(SCHEMA))


def written_by_avro(value):
    buffer = io.BytesIO()
    avro.io.DatumWriter(PARSED).write(value, avro.io.BinaryEncoder(buffer))
    return buffer.getvalue()


def written_by_fastavro(value):
    buffer = io.BytesIO()
    try:
        fastavro.schemaless_writer(buffer, SCHEMA, value)
    except ValueError:
        return None
    return buffer.getvalue()


def read_by_avro(written):
    return str(avro.io.DatumReader(PARSED).read(avro.io.BinaryDecoder(io.BytesIO(written))))


def read_by_fastavro(written):
    return str(fastavro.schemaless_reader(io.BytesIO(written), SCHEMA, None))


WANTED = {
    "1.50": ["1.50", "1.50", "1.50"],
    "1.5": ["0.15", "0.15", "1.50"],
    "7": ["0.07", "0.07", "7.00"],
    "1E+2": ["0.01", "0.01", "100.00"],
    "1234567.89": ["1.2346E+6", "1.2346E+6", "ValueError"],
}
for text, wanted in WANTED.items():
    by_avro, by_fastavro = written_by_avro(Decimal(text)), written_by_fastavro(Decimal(text))
    seen = [read_by_avro(by_avro), read_by_fastavro(by_avro), "ValueError"]
    if by_fastavro is not None:
        seen[2] = read_by_fastavro(by_fastavro)
        assert seen[2] == read_by_avro(by_fastavro)
    print(f"{text:<15} {seen[0]:<20} {seen[1]:<24} {seen[2]}")
    assert seen == wanted, seen
PYTHON
echo "as described"
