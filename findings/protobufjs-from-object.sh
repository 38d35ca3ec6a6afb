#!/usr/bin/env bash
# protobufjs 8.8.1 (npm) makes a message of a plain object with `fromObject()`, and checks the object with `verify()`.
# protobuf 6.33.6 (Python) takes the same objects as JSON with `ParseDict()`; a Date is its text there.
# Expected: the message that the object describes, or an error.
# Seen: a Date is written as the moment 0, and an object as an empty Struct.  `session_count`, the field's name in the
# schema, and an unknown enum value are left out.  "false" is true, and numbers out of range are other numbers.
# `verify()` objects to some of them, but not to the first five.  There is no error:
#   object                             verify()   protobufjs                      Python
#   {"at":"2026-11-29T12:00:00.500Z"}  valid      {"at":{}}                       {"at":"2026-11-29T12:00:00.500Z"}
#   {"more":{"channel":"beta"}}        valid      {"more":{}}                     {"more":{"channel":"beta"}}
#   {"session_count":5}                valid      {}                              {"sessionCount":5}
#   {"tabs":3000000000}                valid      {"tabs":-1294967296}            an error
#   {"nanos":1e+300}                   valid      {"nanos":"9223372036854775807"} an error
#   {"tabs":1.5}                       not valid  {"tabs":1}                      an error
#   {"tabs":"abc"}                     not valid  {}                              an error
#   {"active":"false"}                 not valid  {"active":true}                 an error
#   {"kind":"PINGS"}                   not valid  {}                              an error
# Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet protobuf==6.33.6 grpcio-tools==1.76.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund protobufjs@8.8.1 >/dev/null
cat > ping.proto <<'PROTO'
syntax = "proto3";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
enum Kind { UNKNOWN = 0; PING = 1; }
message Ping {
  google.protobuf.Timestamp at = 1;
  google.protobuf.Struct more = 2;
  int32 session_count = 3;
  int32 tabs = 4;
  int64 nanos = 5;
  bool active = 6;
  Kind kind = 7;
}
PROTO
venv/bin/python -m grpc_tools.protoc -I. --python_out=. ping.proto
cat > write.cjs <<'JAVASCRIPT'
const protobuf = require("protobufjs");
const Ping = protobuf.loadSync("ping.proto").lookupType("Ping");
const objects = JSON.parse(require("fs").readFileSync(0));
const seen = objects.map((object) => {
  if (object.at) object.at = new Date(object.at);
  const read = Ping.decode(Ping.encode(Ping.fromObject(object)).finish());
  const valid = Ping.verify(object) === null ? "valid" : "not valid";
  return [valid, Ping.toObject(read, { longs: String, enums: String })];
});
process.stdout.write(JSON.stringify(seen));
JAVASCRIPT
PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=upb venv/bin/python - <<'PYTHON'
import json
import subprocess
import sys

from google.protobuf import json_format

sys.path.insert(0, ".")
import ping_pb2

# The object, what verify() says, what protobufjs writes, and what Python writes.
CASES = [
    ({"at": "2026-11-29T12:00:00.500Z"}, "valid", {"at": {}}, {"at": "2026-11-29T12:00:00.500Z"}),
    ({"more": {"channel": "beta"}}, "valid", {"more": {}}, {"more": {"channel": "beta"}}),
    ({"session_count": 5}, "valid", {}, {"sessionCount": 5}),
    ({"tabs": 3000000000}, "valid", {"tabs": -1294967296}, "an error"),
    ({"nanos": 1e300}, "valid", {"nanos": "9223372036854775807"}, "an error"),
    ({"tabs": 1.5}, "not valid", {"tabs": 1}, "an error"),
    ({"tabs": "abc"}, "not valid", {}, "an error"),
    ({"active": "false"}, "not valid", {"active": True}, "an error"),
    ({"kind": "PINGS"}, "not valid", {}, "an error"),
]


def by_python(fields):
    try:
        message = json_format.ParseDict(fields, ping_pb2.Ping())
    except json_format.ParseError:
        return "an error"
    return json_format.MessageToDict(ping_pb2.Ping.FromString(message.SerializeToString()))


def short(value):
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


asked = json.dumps([fields for fields, *_ in CASES])
node = subprocess.run(["node", "write.cjs"], input=asked, text=True, stdout=subprocess.PIPE, check=True)
print(f"{'object':<34} {'verify()':<10} {'protobufjs':<31} Python")
for (fields, *wanted), (valid, written) in zip(CASES, json.loads(node.stdout), strict=True):
    seen = [valid, written, by_python(fields)]
    print(f"{short(fields):<34} {valid:<10} {short(written):<31} {short(seen[2])}")
    assert seen == wanted, seen
PYTHON
echo "as described"
