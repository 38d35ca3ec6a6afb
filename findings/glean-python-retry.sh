#!/usr/bin/env bash
# glean-sdk 71.0.0 (Python) and a server that is too busy.
# Expected: a ping answered 429 with Retry-After is kept and sent again later, and so is one answered 503.
# Seen: 429 is a final answer, as the documentation says of 4xx, and the ping is deleted.  After a 503 the ping
# is sent again at once; Retry-After is not read.  A busy server has to answer 5xx to get a ping later, and gets it
# a second time at once:
#   429: the ping was sent 1 time and left on disk 0 times
#   503: the ping was sent 2 times within a second
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
  send_if_empty: true
  bugs: ["https://example.org/1"]
  data_reviews: ["https://example.org/1"]
  notification_emails: ["team@example.org"]
YAML
cat > busy.py <<'PYTHON'
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from glean import Configuration, Glean, load_pings

STATUS = int(sys.argv[1])
times = {}


class Busy(BaseHTTPRequestHandler):
    """Answers STATUS to each ping the first time it comes, then 200."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        seen_before = self.path in times
        times.setdefault(self.path, []).append(time.monotonic())
        self.send_response(200 if seen_before else STATUS)
        self.send_header("Retry-After", "2")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    data = Path(f"data-{STATUS}")
    Glean.initialize(
        application_id="example-app", application_version="1", application_build_id="1", upload_enabled=True,
        data_dir=data, configuration=Configuration(server_endpoint=f"http://127.0.0.1:{server.server_port}"),
    )
    load_pings("pings.yaml").usage.submit()
    time.sleep(15)
    [(path, sent)] = [(path, sent) for path, sent in times.items() if "/usage/" in path]
    document_id = path.rsplit("/", 1)[1]
    left = sum(document_id in str(file) for file in data.rglob("*"))
    if STATUS == 429:
        print(f"429: the ping was sent {len(sent)} time and left on disk {left} times")
        assert (len(sent), left) == (1, 0)
    else:
        print(f"503: the ping was sent {len(sent)} times within a second")
        assert len(sent) == 2 and sent[1] - sent[0] < 1
PYTHON
for status in 429 503; do venv/bin/python busy.py "$status"; done
echo "as described"
