#!/usr/bin/env bash
# One Avro record of {"clicks": 1} is read by a schema to which fields with defaults have been added since, by fastavro
# 1.13.1, avro 1.12.2 (Python) and avsc 5.7.9 (npm).
# Expected: the same defaults, of the types that the schema names.
# Seen: for the default "\u00ff" of bytes, which is the one byte ff by the specification, fastavro gives a text and avro
# the two bytes of its UTF-8; for the default {} of a record fastavro leaves out the defaults of its fields; and avro
# does not know a field by its alias, which the specification leaves open, so that the default replaces the value.  None
# of that is an error.  avsc gives what was expected:
#                                      fastavro        avro            avsc
#   bytes, default "\u00ff"            text ff         bytes c3bf      bytes ff
#   record, default {}                 {}              {"tabs": 3}     {"tabs": 3}
#   taps, alias clicks, default 0      1               0               1
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fastavro==1.13.1 avro==1.12.2
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund avsc@5.7.9 >/dev/null
cat > read.cjs <<'JAVASCRIPT'
const avro = require("avsc");
const { writer, reader, hex } = JSON.parse(require("fs").readFileSync(0));
const [from, to] = [writer, reader].map((schema) => avro.Type.forSchema(schema));
const record = to.fromBuffer(Buffer.from(hex, "hex"), to.createResolver(from));
const key = Buffer.isBuffer(record.key) ? `bytes ${record.key.toString("hex")}` : "a text";
console.log(JSON.stringify([key, { ...record.window }, record.taps]));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import io
import json
import subprocess

import avro.io
import avro.schema
import fastavro

WRITER = {"type": "record", "name": "ping", "fields": [{"name": "clicks", "type": "int"}]}
WINDOW = {"type": "record", "name": "window", "fields": [{"name": "tabs", "type": "int", "default": 3}]}
READER = {
    "type": "record",
    "name": "ping",
    "fields": [
        {"name": "taps", "type": "int", "aliases": ["clicks"], "default": 0},
        {"name": "key", "type": "bytes", "default": "\u00ff"},
        {"name": "window", "type": WINDOW, "default": {}},
    ],
}


def by_avsc(written):
    asked = json.dumps({"writer": WRITER, "reader": READER, "hex": written.hex()})
    return json.loads(subprocess.run(["node", "read.cjs"], input=asked, text=True, stdout=subprocess.PIPE).stdout)


def by_fastavro(written):
    return described(fastavro.schemaless_reader(io.BytesIO(written), WRITER, READER))


def by_avro(written):
    schemas = [avro.schema.parse(json.dumps(schema)) for schema in (WRITER, READER)]
    return described(avro.io.DatumReader(*schemas).read(avro.io.BinaryDecoder(io.BytesIO(written))))


def described(record):
    key = record["key"]
    kind = f"bytes {key.hex()}" if isinstance(key, bytes) else f"text {ord(key):02x}"
    return [kind, record["window"], record["taps"]]


buffer = io.BytesIO()
fastavro.schemaless_writer(buffer, WRITER, {"clicks": 1})
seen = [by(buffer.getvalue()) for by in (by_fastavro, by_avro, by_avsc)]
NAMES = ['bytes, default "\\u00ff"', "record, default {}", "taps, alias clicks, default 0"]
for name, *values in zip(NAMES, *seen, strict=True):
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    print(f"{name:<34} {texts[0]:<15} {texts[1]:<15} {texts[2]}")
assert seen == [
    ["text ff", {}, 1],
    ["bytes c3bf", {"tabs": 3}, 0],
    ["bytes ff", {"tabs": 3}, 1],
], seen
PYTHON
echo "as described"
