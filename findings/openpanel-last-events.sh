#!/usr/bin/env bash
# openpanel 0.0.1 (Python, the SDK of OpenPanel) sends events from a thread of its own.
# Expected: the events that were tracked in a `with` block are sent when it ends.
# Seen: the end of the block lets the request that is under way end, and drops all others, without an exception.  A
# program without `with`, as in its documentation, loses them when it ends.  No method waits for the events:
#                                            tracked  sent
#   with OpenPanel(...): ten events          10       1 at most
#   no `with`, ten events, end of program    10       1 at most
#   no `with`, ten events, a pause of 5 s    10       10
# Each request takes 0.3 s here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openpanel==0.0.1 requests==2.34.2
cd "$folder"
cat >track.py <<'PYTHON'
import sys
import time

from openpanel import OpenPanel


def track(client):
    client.track("start")
    # The thread has begun with the first event.
    time.sleep(0.15)
    for number in range(2, 11):
        client.track(f"page {number}")


how, url = sys.argv[1:]
if how == "with":
    with OpenPanel(client_id="id", api_url=url) as client:
        track(client)
else:
    track(OpenPanel(client_id="id", api_url=url))
    if how == "pause":
        time.sleep(5)
PYTHON
cat >seen.py <<'PYTHON'
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

received = set()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(0.3)
        received.add(event["payload"]["name"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for how in ("with", "end", "pause"):
    received.clear()
    command = [sys.executable, "track.py", how, f"http://127.0.0.1:{server.server_port}"]
    run = subprocess.run(command, stderr=subprocess.DEVNULL)
    time.sleep(1)
    sent = "all" if len(received) == 10 else "1 at most" if received <= {"start"} else sorted(received)
    print(f"{how}: ended with {run.returncode}, sent: {sent}")
PYTHON
venv/bin/python seen.py >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
with: ended with 0, sent: 1 at most
end: ended with 0, sent: 1 at most
pause: ended with 0, sent: all
EXPECTED
echo "as described"
