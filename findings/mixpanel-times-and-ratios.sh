#!/usr/bin/env bash
# mixpanel 5.4.1 (Python) sends events with one moment, as a datetime with the zone of India, of UTC, or of New York.
# A fourth event has a ratio that is NaN.
# Expected: texts of one moment, or an error; and no event that hinders the others.
# Seen: the zone and the fraction of a second are left out and nothing is converted to UTC, so that one moment is sent as
# three, hours apart, without an error; `time` of an event and a property of its own are alike in that.  NaN is
# sent as the word NaN, which JSON has not, so that the whole batch is no JSON and its other events are lost with it:
#   datetime                              time of the event       property
#   2026-11-29T17:30:00.500000+05:30      2026-11-29T17:30:00     2026-11-29T17:30:00
#   2026-11-29T12:00:00.500000+00:00      2026-11-29T12:00:00     2026-11-29T12:00:00
#   2026-11-29T07:00:00.500000-05:00      2026-11-29T07:00:00     2026-11-29T07:00:00
#   a batch of 3 events                   JSON
#   a batch of 4, one with NaN            no JSON, because of NaN
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mixpanel==5.4.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
import threading
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

from mixpanel import BufferedConsumer, Mixpanel

MOMENT = datetime(2026, 11, 29, 12, 0, 0, 500_000, UTC)
MOMENTS = [MOMENT.astimezone(timezone(timedelta(hours=hours))) for hours in (5.5, 0, -5)]
bodies = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        [text] = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["data"]
        bodies.append(text)
        answer = b'{"status": 1, "error": null}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


receiver = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
consumer = BufferedConsumer(events_url=f"http://127.0.0.1:{receiver.server_port}/track")
mixpanel = Mixpanel("a token", consumer=consumer)


def send(ratios):
    for moment, ratio in zip([*MOMENTS, MOMENT], ratios):
        mixpanel.track("a user", "started", {"time": moment, "seen": moment, "ratio": ratio})
    consumer.flush()


def refuse(word):
    raise ValueError(word)


def judge(text):
    try:
        json.loads(text, parse_constant=refuse)
    except ValueError as error:
        return f"no JSON, because of {error}"
    return "JSON"


assert len(set(MOMENTS)) == 1
send([0.5, 0.5, 0.5])
send([0.5, 0.5, 0.5, float("nan")])
print(f"{'datetime':<37} {'time of the event':<23} property")
for moment, event in zip(MOMENTS, json.loads(bodies[0]), strict=True):
    times = [event["properties"][name] for name in ("time", "seen")]
    print(f"{moment.isoformat():<37} {times[0]:<23} {times[1]}")
    assert times == [moment.strftime("%Y-%m-%dT%H:%M:%S")] * 2
judgements = [judge(body) for body in bodies]
print(f"{'a batch of 3 events':<37} {judgements[0]}")
print(f"{'a batch of 4, one with NaN':<37} {judgements[1]}")
assert judgements == ["JSON", "no JSON, because of NaN"]
PYTHON
echo "as described"
