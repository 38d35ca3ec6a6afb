#!/usr/bin/env bash
# Messages with a time and a duration go between protobuf 7.36.2 and betterproto 1.2.5 (both Python) in both directions.
# Durations below zero are the differences of a client's clock, and times before 1970 those of a clock that was not set.
# Expected: each reads what the other wrote, or there is an error.
# Seen: betterproto writes the fraction of a negative duration without its sign, so that half a second too early becomes
# half a second too late, and the fraction of a time before 1970 a second too late.  It leaves out the moment 0 and the
# duration 0, which were there.  It writes short durations to JSON in a form which JSON of protobuf does not have:
#   protobuf wrote              bytes of betterproto        JSON of betterproto         which is
#   1.500s                      1.500s                      1.500s                      1.500s
#   -0.500s                     0.500s                      -0.500s                     -0.500s
#   -1.500s                     an error                    -1.500s                     -1.500s
#   0.000010s                   0.000010s                   an error                    1e-05s
#   0s                          absent                      absent                      absent
#   1969-12-31T23:59:59.500Z    1970-01-01T00:00:00.500Z    1969-12-31T23:59:59.500Z    1969-12-31T23:59:59.500Z
#   1970-01-01T00:00:00Z        absent                      absent                      absent
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet protobuf==7.36.2 betterproto==1.2.5
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import betterproto
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, json_format, message_factory, timestamp_pb2

# What protobuf wrote, what it reads in the bytes of betterproto, and in the JSON of betterproto.
WANTED = [
    ({"skew": "1.500s"}, {"skew": "1.500s"}, {"skew": "1.500s"}),
    ({"skew": "-0.500s"}, {"skew": "0.500s"}, {"skew": "-0.500s"}),
    ({"skew": "-1.500s"}, "an error", {"skew": "-1.500s"}),
    ({"skew": "0.000010s"}, {"skew": "0.000010s"}, "an error"),
    ({"skew": "0s"}, {}, {}),
    ({"seen": "1969-12-31T23:59:59.500Z"}, {"seen": "1970-01-01T00:00:00.500Z"}, {"seen": "1969-12-31T23:59:59.500Z"}),
    ({"seen": "1970-01-01T00:00:00Z"}, {}, {}),
]


@dataclass
class Ping(betterproto.Message):
    seen: datetime = betterproto.message_field(1)
    skew: timedelta = betterproto.message_field(2)


def class_of_protobuf():
    imported = [module.DESCRIPTOR.name for module in (timestamp_pb2, duration_pb2)]
    file = descriptor_pb2.FileDescriptorProto(name="ping.proto", syntax="proto3", dependency=imported)
    message = file.message_type.add(name="Ping")
    for number, (name, kind) in enumerate({"seen": "Timestamp", "skew": "Duration"}.items(), start=1):
        field = message.field.add(name=name, number=number, type_name=f".google.protobuf.{kind}")
        field.type, field.label = field.TYPE_MESSAGE, field.LABEL_OPTIONAL
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Ping"))


PingOfProtobuf = class_of_protobuf()


def seen_by_protobuf(read):
    try:
        return json_format.MessageToDict(read())
    except (json_format.ParseError, json_format.SerializeToJsonError):
        return "an error"


def show(answer):
    return answer if isinstance(answer, str) else " ".join(answer.values()) or "absent"


print(f"{'protobuf wrote':<27} {'bytes of betterproto':<27} {'JSON of betterproto':<27} which is")
for first, by_bytes, by_json in WANTED:
    read = Ping().parse(json_format.ParseDict(first, PingOfProtobuf()).SerializeToString())
    # A message is made anew, for one that was read keeps no bytes of its own.
    written = Ping(**{name: getattr(read, name) for name in first})
    seen = [
        seen_by_protobuf(lambda: PingOfProtobuf.FromString(bytes(written))),
        seen_by_protobuf(lambda: json_format.Parse(written.to_json(), PingOfProtobuf())),
    ]
    print(f"{show(first):<27} {show(seen[0]):<27} {show(seen[1]):<27} {show(json.loads(written.to_json()))}")
    assert seen == [by_bytes, by_json], seen
PYTHON
echo "as described"
