#!/usr/bin/env bash
# The exporters of OpenTelemetry for Prometheus, opentelemetry-exporter-prometheus 0.66b2 (Python) and
# @opentelemetry/exporter-prometheus 0.223.0 (npm), show the same counters.
# Expected: one page from both, which a scrape of Prometheus takes.
# Seen: names and labels become equal on the page and are not joined: a counter with the status 200 as a number and as a
# text, and the counters start.time and start_time, have two lines of one series, of which Prometheus keeps one.  Where
# two attributes become one label, Python drops the first, and JavaScript writes the label twice, which is no valid line.
# The unit belongs to the name in Python alone, and one NaN added is ignored there, but stays in the sum in JavaScript:
#   added                                  Python                            JavaScript
#   status 200: 3, status "200": 4         requests_total{status="200"} 3    requests_total{status="200"} 3
#                                          requests_total{status="200"} 4    requests_total{status="200"} 4
#   http.method GET, http_method POST: 1   calls_total{http_method="POST"} 1 calls_total{http_method="GET",http_method="POST"} 1
#   start.time: 1, start_time: 2           start_time_total 1                start_time_total 1
#                                          start_time_total 2                start_time_total 2
#   uptime in ms: 1                        uptime_milliseconds_total 1       uptime_total 1
#   ratio: 5, NaN                          ratio_total 5                     ratio_total NaN
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opentelemetry-sdk==1.45.2 opentelemetry-exporter-prometheus==0.66b2 \
  prometheus-client==0.26.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @opentelemetry/api@1.9.1 @opentelemetry/sdk-metrics@2.12.1 \
  @opentelemetry/exporter-prometheus@0.223.0 >/dev/null
cat > page.cjs <<'JAVASCRIPT'
const { MeterProvider } = require("@opentelemetry/sdk-metrics");
const { PrometheusExporter, PrometheusSerializer } = require("@opentelemetry/exporter-prometheus");
const reader = new PrometheusExporter({ preventServerStart: true });
const meter = new MeterProvider({ readers: [reader] }).getMeter("an example");
const requests = meter.createCounter("requests");
requests.add(3, { status: 200 });
requests.add(4, { status: "200" });
meter.createCounter("calls").add(1, { "http.method": "GET", http_method: "POST" });
meter.createCounter("start.time").add(1);
meter.createCounter("start_time").add(2);
meter.createCounter("uptime", { unit: "ms" }).add(1);
const ratio = meter.createCounter("ratio");
ratio.add(5);
ratio.add(NaN);
reader.collect().then(({ resourceMetrics }) => {
  process.stdout.write(new PrometheusSerializer().serialize(resourceMetrics));
});
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import logging
import re
import subprocess

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import generate_latest

# What is added, the lines of Python, and those of JavaScript.
WANTED = [
    ('status 200: 3, status "200": 4', *[['requests_total{status="200"} 3', 'requests_total{status="200"} 4']] * 2),
    (
        "http.method GET, http_method POST: 1",
        ['calls_total{http_method="POST"} 1'],
        ['calls_total{http_method="GET",http_method="POST"} 1'],
    ),
    ("start.time: 1, start_time: 2", *[["start_time_total 1", "start_time_total 2"]] * 2),
    ("uptime in ms: 1", ["uptime_milliseconds_total 1"], ["uptime_total 1"]),
    ("ratio: 5, NaN", ["ratio_total 5"], ["ratio_total NaN"]),
]
NAMES = ("requests", "calls", "start_time", "uptime", "ratio")


def page_of_python():
    meter = MeterProvider([PrometheusMetricReader()]).get_meter("an example")
    requests = meter.create_counter("requests")
    requests.add(3, {"status": 200})
    requests.add(4, {"status": "200"})
    meter.create_counter("calls").add(1, {"http.method": "GET", "http_method": "POST"})
    meter.create_counter("start.time").add(1)
    meter.create_counter("start_time").add(2)
    meter.create_counter("uptime", unit="ms").add(1)
    ratio = meter.create_counter("ratio")
    ratio.add(5)
    logging.disable()
    ratio.add(float("nan"))
    return generate_latest().decode()


def lines(page, name):
    """The lines of one counter, without the labels of the scope."""
    found = [line for line in page.splitlines() if line.startswith(name)]
    found = [re.sub(r',?otel_scope_\w+="[^"]*"', "", line).replace("{,", "{").replace("{}", "") for line in found]
    return [line.removesuffix(".0") for line in found]


node = subprocess.run(["node", "page.cjs"], text=True, stdout=subprocess.PIPE, check=True)
pages = [page_of_python(), node.stdout]
print(f"{'added':<38} {'Python':<33} JavaScript")
for name, (text, *wanted) in zip(NAMES, WANTED, strict=True):
    seen = [lines(page, name) for page in pages]
    for number, (one, other) in enumerate(zip(*seen, strict=True)):
        print(f"{'' if number else text:<38} {one:<33} {other}")
    assert seen == wanted, seen
PYTHON
echo "as described"
