#!/usr/bin/env bash
# sentry-sdk 2.75.0 (Python) sends three metrics or three log entries, one of which has a ratio.
# Expected: where the ratio is not a finite number, the others arrive, or there is an error.
# Seen: NaN or an infinite number takes all metrics that are sent with it, which may be those of five seconds.  The same
# number in a log entry or in a transaction is sent as a text.  There is no error:
#   ratio    metrics   log entries   transactions
#   0.5      3         3             1
#   nan      0         3             1
#   inf      0         3             1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet sentry-sdk==2.75.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import gzip
import json
import math
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import sentry_sdk
from sentry_sdk import logger, metrics

# The ratio, and how many metrics, log entries and transactions arrive.
WANTED = [(0.5, 3, 3, 1), (math.nan, 0, 3, 1), (math.inf, 0, 3, 1)]
received = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


receiver = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()


def send_metrics(ratio):
    metrics.count("starts", 1)
    metrics.distribution("ratio", ratio)
    metrics.gauge("tabs", 2)


def send_logs(ratio):
    logger.info("started")
    logger.info("worked", attributes={"ratio": ratio})
    logger.info("ended")


def send_transaction(ratio):
    with sentry_sdk.start_transaction(name="a start", op="start") as transaction:
        transaction.set_data("ratio", ratio)


def count_items(send, ratio, kind):
    """How many items of a kind arrive, with the ratio that was given."""
    received.clear()
    sentry_sdk.init(
        dsn=f"http://key@127.0.0.1:{receiver.server_port}/1", traces_sample_rate=1.0, default_integrations=False,
        enable_logs=True, enable_metrics=True,
    )
    send(ratio)
    sentry_sdk.flush(10)
    sentry_sdk.get_client().close()
    # An envelope has a header, and then a header and a body for each kind.
    headers = [json.loads(line) for envelope in received for line in envelope.splitlines()[1::2]]
    return sum(header.get("item_count", 1) for header in headers if header["type"] == kind)


print(f"{'ratio':<8} {'metrics':<9} {'log entries':<13} transactions")
for ratio, *wanted in WANTED:
    seen = [
        count_items(send_metrics, ratio, "trace_metric"),
        count_items(send_logs, ratio, "log"),
        count_items(send_transaction, ratio, "transaction"),
    ]
    print(f"{ratio:<8} {seen[0]:<9} {seen[1]:<13} {seen[2]}")
    assert seen == wanted, seen
PYTHON
echo "as described"
