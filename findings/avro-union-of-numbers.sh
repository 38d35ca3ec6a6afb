#!/usr/bin/env bash
# fastavro 1.13.1 and avro 1.12.2 write a whole number by a schema that allows a long or a double.
# Expected: both write it as the long, in whatever order the union names the two, so that it is read back as it was.
# Seen: fastavro takes the first of the two and avro the last, so that each writes a double in one of the orders, and
# 2**53 + 1 is read as another number, without an error.  By a schema of long alone fastavro cuts a fraction:
#                                                  fastavro            avro
#   ["null", "double", "long"], 9007199254740993   9007199254740992.0  9007199254740993
#   ["null", "long", "double"], 9007199254740993   9007199254740993    9007199254740992.0
#   "long", 1.9                                    1                   AvroTypeException
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fastavro==1.13.1 avro==1.12.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import io
import json

import avro.errors
import avro.io
import avro.schema
import fastavro


def by_fastavro(schema, value):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, schema, value)
    buffer.seek(0)
    return fastavro.schemaless_reader(buffer, schema, None)


def by_avro(schema, value):
    parsed = avro.schema.parse(json.dumps(schema))
    buffer = io.BytesIO()
    try:
        avro.io.DatumWriter(parsed).write(value, avro.io.BinaryEncoder(buffer))
    except avro.errors.AvroException as error:
        return type(error).__name__
    buffer.seek(0)
    return avro.io.DatumReader(parsed).read(avro.io.BinaryDecoder(buffer))


LARGE = 2**53 + 1
CASES = [(["null", "double", "long"], LARGE), (["null", "long", "double"], LARGE), ("long", 1.9)]
seen = [[str(by(schema, value)) for by in (by_fastavro, by_avro)] for schema, value in CASES]
for (schema, value), (fast, slow) in zip(CASES, seen, strict=True):
    print(f"{json.dumps(schema)}, {value}".ljust(46), fast.ljust(19), slow)
rounded, kept = str(float(2**53)), str(LARGE)
assert seen == [[rounded, kept], [kept, rounded], ["1", "AvroTypeException"]]
PYTHON
echo "as described"
