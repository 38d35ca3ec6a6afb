#!/usr/bin/env bash
# datadog 0.56.0 (Python) adds metrics up before it sends them, if it is made with `disable_aggregation=False`.
# Expected: a server that multiplies sampled counts, as DogStatsD does, gets about the same totals as without
# aggregation, and each value that is sent with a time keeps that time.
# Seen: the sampling is applied once to the whole sum.  Of 1,000 events with `sample_rate=0.1` a flush sends nothing in
# nine of ten cases, and 1,000 with @0.1, that is 10,000, in the tenth.  The rate of the first call counts for all.  Of
# three gauges with the times of three minutes the last value is sent with the first time, and the others are lost.
# Counts of three minutes are one count of the first minute.  There is no error:
#                                                    totals of 100 flushes
#   1000 events, sample_rate=0.1, not aggregated     about 1000
#   1000 events, sample_rate=0.1, aggregated         0 or 10000
#                                                    sent
#   gauge_with_timestamp, not aggregated             tabs:5|g|T1700000000  tabs:6|g|T1700000060  tabs:7|g|T1700000120
#   gauge_with_timestamp, aggregated                 tabs:7|g|T1700000000
#   count_with_timestamp, not aggregated             tabs:5|c|T1700000000  tabs:6|c|T1700000060  tabs:7|c|T1700000120
#   count_with_timestamp, aggregated                 tabs:18|c|T1700000000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datadog==0.56.0
cd "$folder"
venv/bin/python - >seen.txt <<'PYTHON'
import random
import socket

from datadog.dogstatsd import DogStatsd

END = "end:1|c"
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(10)


def sent(client, send):
    """The lines of a flush, without the one that ends it."""
    send(client)
    client.flush_aggregated_metrics()
    client.increment("end")
    client.flush_aggregated_metrics()
    lines = []
    while END not in lines:
        lines += server.recv(65536).decode().split()
    return lines[:-1]


def total(lines):
    events = 0
    for line in lines:
        value, _, rate = line.partition("|c|@")
        events += int(value.partition(":")[2]) / float(rate)
    return round(events)


def events(client):
    for _ in range(1000):
        client.increment("started", sample_rate=0.1)


def times(name):
    def send(client):
        for minute in range(3):
            getattr(client, f"{name}_with_timestamp")("tabs", 5 + minute, 1700000000 + 60 * minute)

    return send


random.seed(1)
port = server.getsockname()[1]
for is_aggregated in (False, True):
    client = DogStatsd(
        host="127.0.0.1", port=port, disable_aggregation=not is_aggregated, disable_telemetry=True,
        flush_interval=10000,
    )
    name = "aggregated" if is_aggregated else "not aggregated"
    totals = {total(sent(client, events)) for _ in range(100)}
    print(name, *(sorted(totals) if len(totals) < 3 else [f"about {round(sum(totals) / len(totals), -3):.0f}"]))
    for kind in ("gauge", "count"):
        print(name, *sent(client, times(kind)))
PYTHON
cat seen.txt
diff seen.txt - <<'EXPECTED'
not aggregated about 1000
not aggregated tabs:5|g|T1700000000 tabs:6|g|T1700000060 tabs:7|g|T1700000120
not aggregated tabs:5|c|T1700000000 tabs:6|c|T1700000060 tabs:7|c|T1700000120
aggregated 0 10000
aggregated tabs:7|g|T1700000000
aggregated tabs:18|c|T1700000000
EXPECTED
echo "as described"
