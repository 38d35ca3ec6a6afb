#!/usr/bin/env bash
# cloudevents 2.2.0 (Python) and cloudevents 10.0.0 (npm) send each other events over HTTP, in the binary and in the
# structured mode of CloudEvents 1.0.  All data are JSON, and datacontenttype says so.
# Expected: an event arrives as it was sent, in both modes, or there is an error.
# Seen: in the binary mode Python writes a list or a boolean as Python prints it, not as JSON, though the content type
# is JSON, so that JavaScript reads a text or fails; JavaScript neither encodes nor decodes the percent signs of a header,
# as the binding of HTTP demands; and it cuts a time to milliseconds in both modes:
#   Python to JavaScript           binary                              structured
#   data {"clicks": 5}             {"clicks":5}                        {"clicks":5}
#   data [{"clicks": 5}]           error                               [{"clicks":5}]
#   data [5, 6]                    [5,6]                               [5,6]
#   data true                      "True"                              true
#   subject "50% of all"           "50%25%20of%20all"                  "50% of all"
#   time 12:00:00.123456           "2026-11-29T12:00:00.123Z"          "2026-11-29T12:00:00.123Z"
#   JavaScript to Python           binary                              structured
#   data [{"clicks": 5}]           [{"clicks": 5}]                     [{"clicks": 5}]
#   subject "a%20b"                "a b"                               "a%20b"
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet cloudevents==2.2.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund cloudevents@10.0.0 >/dev/null
cat > exchange.cjs <<'JAVASCRIPT'
const { CloudEvent, HTTP } = require("cloudevents");
const { messages, events } = JSON.parse(require("fs").readFileSync(0));
function read({ name, headers, body }) {
  try {
    return JSON.stringify(HTTP.toEvent({ headers, body })[name]);
  } catch {
    return "error";
  }
}
const write = (attributes) => [HTTP.binary, HTTP.structured].map((mode) => mode(new CloudEvent(attributes)));
console.log(JSON.stringify({ read: messages.map(read), written: events.map(write) }));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess
from datetime import UTC, datetime

from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent

NOON = datetime(2026, 11, 29, 12, 0, 0, 123456, UTC)
# What is asked, the field, its value, and what the other language reads in the two modes.
TO_JAVASCRIPT = [
    ('data {"clicks": 5}', "data", {"clicks": 5}, '{"clicks":5}', '{"clicks":5}'),
    ('data [{"clicks": 5}]', "data", [{"clicks": 5}], "error", '[{"clicks":5}]'),
    ("data [5, 6]", "data", [5, 6], "[5,6]", "[5,6]"),
    ("data true", "data", True, '"True"', "true"),
    ('subject "50% of all"', "subject", "50% of all", '"50%25%20of%20all"', '"50% of all"'),
    ("time 12:00:00.123456", "time", NOON, '"2026-11-29T12:00:00.123Z"', '"2026-11-29T12:00:00.123Z"'),
]
TO_PYTHON = [
    ('data [{"clicks": 5}]', "data", [{"clicks": 5}], '[{"clicks": 5}]', '[{"clicks": 5}]'),
    ('subject "a%20b"', "subject", "a%20b", '"a b"', '"a%20b"'),
]
REQUIRED = {
    "id": "1", "source": "/clients", "type": "org.example.ping", "specversion": "1.0",
    "datacontenttype": "application/json",
}


def messages(name, value):
    data = value if name == "data" else {}
    event = CloudEvent(REQUIRED | ({} if name == "data" else {name: value}), data)
    for message in (http.to_binary_event(event), http.to_structured_event(event)):
        yield {"name": name, "headers": message.headers, "body": message.body.decode()}


def read(name, message):
    event = http.from_http_event(http.HTTPMessage(message["headers"], message["body"].encode()))
    return json.dumps(event.get_data() if name == "data" else event.get_attributes()[name])


asked = {
    "messages": [message for _, name, value, *_ in TO_JAVASCRIPT for message in messages(name, value)],
    "events": [REQUIRED | {"data": {}, name: value} for _, name, value, *_ in TO_PYTHON],
}
node = subprocess.run(["node", "exchange.cjs"], input=json.dumps(asked), text=True, stdout=subprocess.PIPE, check=True)
answered = json.loads(node.stdout)
by_javascript = list(zip(answered["read"][::2], answered["read"][1::2], strict=True))
by_python = [
    tuple(read(name, message) for message in written)
    for (_, name, *_), written in zip(TO_PYTHON, answered["written"], strict=True)
]
for title, cases, seen in (
    ("Python to JavaScript", TO_JAVASCRIPT, by_javascript), ("JavaScript to Python", TO_PYTHON, by_python),
):
    print(f"{title:<30} {'binary':<35} structured")
    for (text, _, _, *wanted), values in zip(cases, seen, strict=True):
        print(f"{text:<30} {values[0]:<35} {values[1]}")
        assert list(values) == wanted, values
PYTHON
echo "as described"
