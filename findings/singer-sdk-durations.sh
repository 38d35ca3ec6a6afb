#!/usr/bin/env bash
# A tap of singer-sdk 0.54.9 (Python) has pings whose durations are Python's timedelta, and other values of Python.
# Expected: a duration is written as a number or as an ISO duration, and a value unfit for its schema is refused.
# Seen: each duration is written as a time in or near January 1970, also where its schema asks for a number.  The text
# "false" and NaN become true and null, without an error:
#   schema   value in the tap         value in the RECORD message
#   string   timedelta(seconds=90)    "1970-01-01T00:01:30+00:00"
#   string   timedelta(seconds=-1)    "1969-12-31T23:59:59+00:00"
#   number   timedelta(days=2)        "1970-01-03T00:00:00+00:00"
#   boolean  "false"                  true
#   number   NaN                      null
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet singer-sdk==0.54.9
cd "$folder"
cat >tap.py <<'PYTHON'
from datetime import timedelta

from singer_sdk import Stream, Tap
from singer_sdk import typing as types

RECORD = {
    "short": timedelta(seconds=90),
    "negative": timedelta(seconds=-1),
    "long": timedelta(days=2),
    "is_default": "false",
    "ratio": float("nan"),
}


class Pings(Stream):
    name = "pings"
    schema = types.PropertiesList(
        types.Property("short", types.StringType),
        types.Property("negative", types.StringType),
        types.Property("long", types.NumberType),
        types.Property("is_default", types.BooleanType),
        types.Property("ratio", types.NumberType),
    ).to_dict()

    def get_records(self, context):
        yield dict(RECORD)


class TapPings(Tap):
    name = "tap-pings"
    config_jsonschema = types.PropertiesList().to_dict()

    def discover_streams(self):
        return [Pings(tap=self)]


TapPings().sync_all()
PYTHON
cat >seen.py <<'PYTHON'
import json

with open("messages.jsonl") as file:
    messages = [json.loads(line) for line in file]
(record,) = (message["record"] for message in messages if message["type"] == "RECORD")
for name, value in record.items():
    print(name, json.dumps(value))
PYTHON
venv/bin/python tap.py >messages.jsonl 2>log.txt
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
short "1970-01-01T00:01:30+00:00"
negative "1969-12-31T23:59:59+00:00"
long "1970-01-03T00:00:00+00:00"
is_default true
ratio null
EXPECTED
echo "as described"
