#!/usr/bin/env bash
# aptabase 0.1.0 (Python, the SDK of Aptabase) sends events with a time, and the rest of them at the end of a block.
# Expected: the time of an event is now, in whatever zone the program runs.  After stop() all events were sent, as
# its documentation says.
# Seen: the time is that of the local clock with a Z after it, which stands for UTC.  stop() sends one batch.  After a
# failure of the server, which has answered again, later batches are lost, without an error:
#   TZ                time of an event, minus now
#   UTC               0 h
#   MST7 (Phoenix)    -7 h
#   JST-9 (Tokyo)     9 h
#   60 events, the server answers 503 until the last one: 25 sent
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet aptabase==0.1.0 httpx==0.28.1
cd "$folder"
cat >seen.py <<'PYTHON'
import asyncio
import json
import logging
import os
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer

from aptabase import Aptabase

# The SDK logs each failed batch.
logging.disable()
received = []
is_working = True


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if is_working:
            received.extend(events)
        self.send_response(200 if is_working else 503)
        self.end_headers()

    def log_message(self, *arguments):
        pass


async def track(url, number):
    global is_working
    async with Aptabase("A-SH-1234567890", base_url=url) as client:
        is_working = number == 1
        for _ in range(number):
            await client.track("search")
        is_working = True


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
for zone in ("UTC", "MST7", "JST-9"):
    os.environ["TZ"] = zone
    time.tzset()
    received.clear()
    asyncio.run(track(url, 1))
    sent = datetime.fromisoformat(received[0]["timestamp"].replace("Z", "+00:00"))
    print(f"{zone}: {round((sent - datetime.now(timezone.utc)).total_seconds() / 3600)} h")
received.clear()
asyncio.run(track(url, 60))
print(f"60 tracked, {len(received)} sent")
PYTHON
venv/bin/python seen.py >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
UTC: 0 h
MST7: -7 h
JST-9: 9 h
60 tracked, 25 sent
EXPECTED
echo "as described"
