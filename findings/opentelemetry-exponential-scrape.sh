#!/usr/bin/env bash
# opentelemetry-exporter-prometheus 0.66b2: one histogram of a process has exponential buckets, set by a view, as is
# asked for where metrics are also sent by OTLP.
# Expected: that histogram is exported, or left out with a warning, beside all others.
# Seen: each scrape is answered 500 once that histogram has a value, since the exporter raises AttributeError, so all
# metrics of the process are gone, those made with prometheus-client (0.26.0) included:
#   before the first value  200  errors_total 1.0, requests_total 1.0
#   after it                500
#   the next scrape         500
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opentelemetry-exporter-prometheus==0.66b2 opentelemetry-sdk==1.45.2 \
  prometheus-client==0.26.0
cd "$folder"
cat > scrape.py <<'PYTHON'
import re
from urllib.error import HTTPError
from urllib.request import urlopen

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from prometheus_client import Counter, start_http_server

Counter("errors", "Made with prometheus-client.").inc()
exponential = View(instrument_name="duration", aggregation=ExponentialBucketHistogramAggregation())
meter = MeterProvider([PrometheusMetricReader()], views=[exponential]).get_meter("example")
meter.create_counter("requests").add(1)
duration = meter.create_histogram("duration")
server, _ = start_http_server(0, "127.0.0.1")


def scraped():
    """The status, and the counters that are there."""
    try:
        with urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
            text = answer.read().decode()
    except HTTPError as error:
        return error.code, ""
    lines = re.findall(r"^((?:errors|requests)_total)\S* (\S+)$", text, re.MULTILINE)
    return answer.status, ", ".join(f"{name} {value}" for name, value in sorted(lines))


seen = {"before the first value": scraped()}
duration.record(5)
seen |= {"after it": scraped(), "the next scrape": scraped()}
for name, (status, counters) in seen.items():
    print(f"{name:<23} {status}  {counters}".rstrip())
assert list(seen.values()) == [(200, "errors_total 1.0, requests_total 1.0"), (500, ""), (500, "")]
PYTHON
venv/bin/python scrape.py 2>scrape.log
grep -q "AttributeError: 'ExponentialHistogramDataPoint' object has no attribute" scrape.log
echo "as described"
