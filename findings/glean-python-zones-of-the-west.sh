#!/usr/bin/env bash
# The Glean SDK for Python (glean-sdk 71.0.0) records the present time in a datetime metric and sends it, in zones east
# and west of Greenwich.
# Expected: the local time and the offset of its zone, as ping_info has them in the same ping.
# Seen: a negative offset is written with 24 hours added, such as +19:00 for -05:00, without an error, so that the time
# is a day too early.  No zone has an offset of more than 14 hours.  It makes no difference whether the time is given to
# set().  ping_info is right:
#   zone    offset in ping_info   offset in the metric   metric, hours from the truth
#   CET-1   +01:00                +01:00                 0
#   NST3:30 -03:30                +20:30                 -24
#   EST5    -05:00                +19:00                 -24
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet glean-sdk==71.0.0
cd "$folder"
cat > pings.yaml <<'YAML'
$schema: moz://mozilla.org/schemas/glean/pings/2-0-0
usage:
  description: An example.
  include_client_id: true
  bugs: ["https://example.org/1"]
  data_reviews: ["https://example.org/1"]
  notification_emails: ["team@example.org"]
YAML
cat > metrics.yaml <<'YAML'
$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0
example:
  last_use:
    type: datetime
    time_unit: minute
    description: An example.
    expires: never
    send_in_pings: [usage]
    bugs: ["https://example.org/1"]
    data_reviews: ["https://example.org/1"]
    notification_emails: ["team@example.org"]
YAML
cat > send.py <<'PYTHON'
import gzip
import json
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from glean import Configuration, Glean, load_metrics, load_pings

received = []


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "/usage/" in self.path:
            received.append(json.loads(gzip.decompress(body)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def sent_ping():
    usage = load_pings("pings.yaml").usage
    metric = load_metrics("metrics.yaml").example.last_use
    metric.set()
    by_itself = metric.test_get_value()
    metric.set(datetime.now(UTC).astimezone())
    assert abs(metric.test_get_value() - by_itself) < timedelta(minutes=2)
    usage.submit()
    end = time.monotonic() + 30
    while not received and time.monotonic() < end:
        time.sleep(0.1)
    return received[0]


if __name__ == "__main__":
    zone, *wanted = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Glean.initialize(
        application_id="example-app", application_version="1", application_build_id="1", upload_enabled=True,
        data_dir=Path(f"data-{zone}"),
        configuration=Configuration(server_endpoint=f"http://127.0.0.1:{server.server_port}"),
    )
    ping = sent_ping()
    start, recorded = ping["ping_info"]["start_time"], ping["metrics"]["datetime"]["example.last_use"]
    hours = round((datetime.fromisoformat(recorded) - datetime.now(UTC)) / timedelta(hours=1))
    print(f"{zone:<7} {start[-6:]:<21} {recorded[-6:]:<22} {hours}")
    assert [start[-6:], recorded[-6:], str(hours)] == wanted
PYTHON
TZ=CET-1 venv/bin/python send.py CET-1 +01:00 +01:00 0 2>>glean.log
TZ=NST3:30 venv/bin/python send.py NST3:30 -03:30 +20:30 -24 2>>glean.log
TZ=EST5 venv/bin/python send.py EST5 -05:00 +19:00 -24 2>>glean.log
echo "as described"
