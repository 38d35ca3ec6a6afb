#!/usr/bin/env bash
# snowplow-tracker 1.1.0 (Python) sends a batch of three page views with `method="get"`, one request each.  The
# collector answers one of them with 503, and all others with 200.
# Expected: the event that was answered 503 is kept and sent again, whichever request of the batch it was.
# Seen: the answer to the last request of a batch decides for the whole batch.  Where another one was answered 503, its
# event is lost, without an error:
#   answers            received after a retry   left to send
#   503, 200, 200      2, 3                     0
#   200, 503, 200      1, 3                     0
#   200, 200, 503      1, 2, 3                  0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet snowplow-tracker==1.1.0
cd "$folder"
cat >seen.py <<'PYTHON'
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from snowplow_tracker import Emitter, PageView, Tracker


class Collector(BaseHTTPRequestHandler):
    def do_GET(self):
        number = parse_qs(urlsplit(self.path).query)["url"][0][-1]
        is_refused = self.server.refused == number
        if is_refused:
            self.server.refused = None
        else:
            self.server.received.append(number)
        self.send_response(503 if is_refused else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *parts):
        pass


with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
    threading.Thread(target=server.serve_forever).start()
    for refused in "123":
        server.refused, server.received = refused, []
        emitter = Emitter("127.0.0.1", protocol="http", port=server.server_port, method="get", batch_size=3)
        tracker = Tracker("tracker", [emitter])
        for number in "123":
            tracker.track(PageView(page_url=f"https://example.com/{number}"))
        time.sleep(3)  # the first retry comes within a second
        tracker.flush()
        print(f"{refused} refused, received: {server.received}, left: {emitter.event_store.size()}")
    server.shutdown()
PYTHON
venv/bin/python seen.py 2>log.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
1 refused, received: ['2', '3'], left: 0
2 refused, received: ['1', '3'], left: 0
3 refused, received: ['1', '2', '3'], left: 0
EXPECTED
echo "as described"
