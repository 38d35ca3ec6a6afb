#!/usr/bin/env bash
# fastavro 1.13.1 and avro 1.12.2 (both Python) write one value by one schema of Avro, and read it again.
# Expected: the value that was written, or an error.
# Seen: fastavro writes all three without an error.  The double 1e300 becomes an infinite float.  A number past 32 bits
# is written as an `int`.  A moment becomes its day where the union has the day first.  avro refuses the first two, and
# keeps the moment:
#   value                      type                       fastavro                   avro
#   1e+300                     float                      inf                        an error
#   2147483648                 int                        2147483648                 an error
#   2026-11-29 12:00:00+00:00  date or timestamp-millis   2026-11-29                 2026-11-29 12:00:00+00:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fastavro==1.13.1 avro==1.12.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
from datetime import UTC, datetime
from io import BytesIO

import avro.errors
import avro.io
import avro.schema
import fastavro

DAY = {"type": "int", "logicalType": "date"}
MOMENT = {"type": "long", "logicalType": "timestamp-millis"}
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
# The value, the name of its type, the schema, and the texts of what fastavro and avro read.
CASES = [
    (1e300, "float", "float", "inf", "an error"),
    (2**31, "int", "int", "2147483648", "an error"),
    (NOON, "date or timestamp-millis", [DAY, MOMENT], "2026-11-29", "2026-11-29 12:00:00+00:00"),
]


def by_fastavro(schema, value):
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, schema, value)
    buffer.seek(0)
    return fastavro.schemaless_reader(buffer, schema)


def by_avro(schema, value):
    parsed = avro.schema.parse(json.dumps(schema))
    buffer = BytesIO()
    avro.io.DatumWriter(parsed).write(value, avro.io.BinaryEncoder(buffer))
    buffer.seek(0)
    return avro.io.DatumReader(parsed).read(avro.io.BinaryDecoder(buffer))


def answer(library, schema, value):
    try:
        return str(library(schema, value))
    except (ValueError, OverflowError, avro.errors.AvroException):
        return "an error"


print(f"{'value':<26} {'type':<26} {'fastavro':<26} avro")
for value, kind, schema, *wanted in CASES:
    seen = [answer(library, schema, value) for library in (by_fastavro, by_avro)]
    print(f"{value!s:<26} {kind:<26} {seen[0]:<26} {seen[1]}")
    assert seen == wanted
PYTHON
echo "as described"
