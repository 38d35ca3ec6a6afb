#!/usr/bin/env bash
# OpenTelemetry's SDKs for JavaScript (2.12.1, npm) and Python (1.45.2) collect an observable counter in four cases: its
# callback gives a smaller value than before; a view keeps one of the two attributes; the value is absent once; the
# value is NaN once.  In a fifth case a plain counter adds NaN once.
# Expected: the same sums, which never fall, since the SDKs describe them as monotonic.
# Seen: in Python the difference is negative where the value falls.  In JavaScript the view loses all but the last of
# the values that it joins; Python adds them.  JavaScript sends an absent value again.  In JavaScript the difference
# after a NaN is NaN too, and so are all later totals; Python leaves the NaN out.  There is no error.  "-" is a
# collection without the counter:
#   collections                                    JavaScript             Python
#   100, 130, then 5, differences                  100, 30, 5             100, 30, -125
#   10 from one page, 100 from another, joined     100                    110
#   100, then absent, then 130, totals             100, 100, 130          100, -, 130
#   100, then NaN, 130 and 150, differences        100, NaN, NaN, 20      100, -, 30, 20
#   counter that adds 1.5, NaN, 1 and 2, total     NaN                    4.5
# Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opentelemetry-sdk==1.45.2
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @opentelemetry/api@1.9.1 @opentelemetry/sdk-metrics@2.12.1 >/dev/null
cat > cases.json <<'JSON'
[
  {"name": "100, 130, then 5, differences", "delta": true, "observed": [[["start", 100]],
    [["start", 130]], [["start", 5]]], "javascript": "100, 30, 5", "python": "100, 30, -125"},
  {"name": "10 from one page, 100 from another, joined", "delta": false, "join": true,
    "observed": [[["start", 10], ["end", 100]]], "javascript": "100", "python": "110"},
  {"name": "100, then absent, then 130, totals", "delta": false, "observed": [[["start", 100]], [], [["start", 130]]],
    "javascript": "100, 100, 130", "python": "100, -, 130"},
  {"name": "100, then NaN, 130 and 150, differences", "delta": true, "observed": [[["start", 100]], [["start", "NaN"]],
    [["start", 130]], [["start", 150]]], "javascript": "100, NaN, NaN, 20", "python": "100, -, 30, 20"},
  {"name": "counter that adds 1.5, NaN, 1 and 2, total", "delta": false, "added": [1.5, "NaN", 1, 2], "observed": [[]],
    "javascript": "NaN", "python": "4.5"}
]
JSON
cat > collect.mjs <<'JAVASCRIPT'
import { readFileSync } from "fs";
import { AggregationTemporality, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";

class Reader extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}
const seen = [];
for (const { delta, join, observed, added } of JSON.parse(readFileSync("cases.json"))) {
  const temporality = delta ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
  const reader = new Reader({ aggregationTemporalitySelector: () => temporality });
  const views = join
    ? [{ instrumentName: "loads", attributesProcessors: [{ process: ({ channel }) => ({ channel }) }] }]
    : [];
  const meter = new MeterProvider({ readers: [reader], views }).getMeter("pages");
  if (added) {
    const counter = meter.createCounter("loads");
    for (const value of added) counter.add(Number(value));
  } else {
    const rest = [...observed];
    meter.createObservableCounter("loads").addCallback((result) => {
      for (const [page, value] of rest.shift()) result.observe(Number(value), { channel: "beta", page });
    });
  }
  const values = [];
  for (let times = observed.length; times > 0; times -= 1) {
    const { resourceMetrics } = await reader.collect();
    const points = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics.flatMap(({ dataPoints }) => dataPoints));
    values.push(points.length ? points.map(({ value }) => String(value)).join("+") : "-");
  }
  seen.push(values.join(", "));
}
process.stdout.write(JSON.stringify(seen));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import logging
import subprocess
from pathlib import Path

from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View

logging.disable()


def collect(case):
    temporality = AggregationTemporality.DELTA if case["delta"] else AggregationTemporality.CUMULATIVE
    reader = InMemoryMetricReader(preferred_temporality={ObservableCounter: temporality})
    views = [View(instrument_name="loads", attribute_keys={"channel"})] if case.get("join") else []
    meter = MeterProvider([reader], views=views, shutdown_on_exit=False).get_meter("pages")
    if "added" in case:
        counter = meter.create_counter("loads")
        for value in case["added"]:
            counter.add(float(value))
    else:
        rest = iter(case["observed"])

        def observe(_options):
            for page, value in next(rest):
                number = float("nan") if value == "NaN" else value
                yield Observation(number, {"channel": "beta", "page": page})

        meter.create_observable_counter("loads", [observe])
    return ", ".join(collection(reader.get_metrics_data()) for _ in case["observed"])


def collection(data):
    if data is None:
        return "-"
    [resource] = data.resource_metrics
    [scope] = resource.scope_metrics
    [metric] = scope.metrics
    assert metric.data.is_monotonic
    return "+".join(str(point.value) for point in metric.data.data_points)


node = subprocess.run(["node", "collect.mjs"], text=True, stdout=subprocess.PIPE, check=True)
print(f"{'collections':<46} {'JavaScript':<22} Python")
for case, javascript in zip(json.loads(Path("cases.json").read_text()), json.loads(node.stdout), strict=True):
    seen = collect(case)
    print(f"{case['name']:<46} {javascript:<22} {seen}")
    assert (javascript, seen) == (case["javascript"], case["python"])
PYTHON
echo "as described"
