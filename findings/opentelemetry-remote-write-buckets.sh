#!/usr/bin/env bash
# opentelemetry-exporter-prometheus-remote-write 0.66b1 sends a histogram of ten times in ms and a counter, from
# opentelemetry-sdk 1.45.2.  opentelemetry-exporter-prometheus 0.66b2 offers the same instruments to be scraped.
# Expected: the same series, as both are read by queries of Prometheus: name_bucket, where each `le` counts all values up
# to it, and +Inf counts all of them.
# Seen: the buckets have the name of the histogram without _bucket, each counts only its own values, so that +Inf is 0
# and the median of any query is wrong, and the bucket up to 0, the first one by default, has no `le`, so that it is
# lost as a bucket.  The unit stays short, and the counter has no _total.  There is neither an error nor a warning:
#   scraped                                       sent                                       scraped      sent
#   start_time_milliseconds_bucket{le="0.0"}      start_time_ms                                    1         1
#   start_time_milliseconds_bucket{le="5.0"}      start_time_ms{le="5.0"}                          3         2
#   start_time_milliseconds_bucket{le="10.0"}     start_time_ms{le="10.0"}                         4         1
#   start_time_milliseconds_bucket{le="100.0"}    start_time_ms{le="100.0"}                        9         5
#   start_time_milliseconds_bucket{le="+Inf"}     start_time_ms{le="+Inf"}                        10         1
#   start_time_milliseconds_count                 start_time_ms_count                             10        10
#   start_time_milliseconds_sum                   start_time_ms_sum                             1295      1295
#   starts_total                                  starts                                           5         5
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opentelemetry-sdk==1.45.2 opentelemetry-exporter-prometheus-remote-write==0.66b1 \
  opentelemetry-exporter-prometheus==0.66b2 prometheus-client==0.26.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import snappy
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.exporter.prometheus_remote_write import PrometheusRemoteWriteMetricsExporter
from opentelemetry.exporter.prometheus_remote_write.gen.remote_pb2 import WriteRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

# The scraped series, the sent one, and their values.
WANTED = [
    ('start_time_milliseconds_bucket{le="0.0"}', "start_time_ms", 1, 1),
    ('start_time_milliseconds_bucket{le="5.0"}', 'start_time_ms{le="5.0"}', 3, 2),
    ('start_time_milliseconds_bucket{le="10.0"}', 'start_time_ms{le="10.0"}', 4, 1),
    ('start_time_milliseconds_bucket{le="100.0"}', 'start_time_ms{le="100.0"}', 9, 5),
    ('start_time_milliseconds_bucket{le="+Inf"}', 'start_time_ms{le="+Inf"}', 10, 1),
    ("start_time_milliseconds_count", "start_time_ms_count", 10, 10),
    ("start_time_milliseconds_sum", "start_time_ms_sum", 1295, 1295),
    ("starts_total", "starts", 5, 5),
]
bodies, warnings = [], []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


handler = logging.Handler(logging.WARNING)
handler.emit = warnings.append
logging.getLogger().addHandler(handler)
receiver = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
exporter = PrometheusRemoteWriteMetricsExporter(
    f"http://127.0.0.1:{receiver.server_port}/", resources_as_labels=False
)
buckets = View(instrument_name="start_time", aggregation=ExplicitBucketHistogramAggregation([0.0, 5.0, 10.0, 100.0]))
readers = [PrometheusMetricReader(), PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)]
provider = MeterProvider(readers, views=[buckets])
meter = provider.get_meter("an example")
times = meter.create_histogram("start_time", unit="ms")
for time in (0, 3, 4, 8, 20, 30, 60, 80, 90, 1000):
    times.record(time)
meter.create_counter("starts").add(5)
scraped_page = generate_latest().decode()
provider.force_flush()


def series(name, labels):
    return f'{name}{{le="{labels["le"]}"}}' if "le" in labels else name


scraped = {
    series(sample.name, sample.labels): sample.value
    for family in text_string_to_metric_families(scraped_page)
    for sample in family.samples
}
sent = {}
for one in WriteRequest.FromString(snappy.uncompress(bodies[0])).timeseries:
    labels = {label.name: label.value for label in one.labels}
    sent[series(labels["__name__"], labels)] = one.samples[0].value
print(f"{'scraped':<45} {'sent':<38} {'scraped':>11} {'sent':>9}")
for name, other, *values in WANTED:
    print(f"{name:<45} {other:<38} {scraped[name]:>11.0f} {sent[other]:>9.0f}")
    assert [scraped[name], sent[other]] == values
assert len(sent) == len(WANTED) and not warnings, (sent, warnings)
provider.shutdown()
PYTHON
echo "as described"
