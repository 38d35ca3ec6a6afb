#!/usr/bin/env bash
# The same metrics in the Glean SDK for Python (glean-sdk 71.0.0) and in Glean.js (@mozilla/glean 5.0.10).
# Expected: the same limits and the same rounding, so that the pings of a website and of an application can be added.
# Seen: Glean.js cuts texts, lists and labels at less than the SDK does, has no limit for a counter where the SDK stops
# at 2**31 - 1, sends a sum with a fraction where the SDK takes whole numbers only, keeps 2 TB of memory that are given
# in kilobytes where the SDK stops at 1 TB, and rounds times that the SDK cuts:
#                                                Glean.js             SDK
#   bytes of a string                                  100             255
#   items of a string list                              20             100
#   a label of 80 characters                     __other__            kept
#   counter, 2**31 - 1 added twice              4294967294      2147483647
#   bucket of 2**31 kB                       2199023255551   1099511627775
#   sum of a custom distribution of 1.5                1.5       TypeError
#   1.6 s, in seconds                                    2               1
# The browser is replaced by stand-ins for fetch, navigator and local storage.  Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet glean-sdk==71.0.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mozilla/glean@5.0.10 >/dev/null
cat > in_javascript.mjs <<'JAVASCRIPT'
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";

const stored = new Map();
const bodies = [];
const browser = {
  window: globalThis,
  navigator: { userAgent: "Mozilla/5.0", language: "en" },
  document: { addEventListener() {}, visibilityState: "visible" },
  addEventListener() {},
  localStorage: {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => stored.set(key, value),
    removeItem: (key) => stored.delete(key),
  },
  fetch: async (url, { body }) => {
    bodies.push(JSON.parse(gunzipSync(body)));
    return { status: 200 };
  },
};
for (const [name, value] of Object.entries(browser)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
const { default: Glean } = await import("@mozilla/glean/web");
const { default: PingType } = await import("@mozilla/glean/private/ping");
const of = async (type) => (await import(`@mozilla/glean/private/metrics/${type}`)).default;

Glean.initialize("example-app", true, { serverEndpoint: "https://telemetry.example.org" });
const usage = new PingType({
  name: "usage", includeClientId: true, sendIfEmpty: true, preciseTimestamps: true, includeInfoSections: true,
  enabled: true, followsCollectionEnabled: true, schedulesPings: [], reasonCodes: [], uploaderCapabilities: [],
});
const meta = (name) => ({ category: "example", name, sendInPings: ["usage"], lifetime: "ping", disabled: false });
const Counter = await of("counter");
new (await of("string"))(meta("text")).set("t".repeat(300));
new (await of("string_list"))(meta("list")).set(Array(120).fill("item"));
new (await of("labeled"))(meta("labels"), Counter)["l".repeat(80)].add();
const counter = new Counter(meta("count"));
counter.add(2 ** 31 - 1);
counter.add(2 ** 31 - 1);
new (await of("memory_distribution"))(meta("memory"), "kilobyte").accumulate(2 ** 31);
new (await of("custom_distribution"))(meta("custom"), 1, 100, 10, "linear").accumulateSamples([1.5]);
new (await of("timespan"))(meta("time"), "second").setRawNanos(1_600_000_000);
usage.submit();
await sleep(1000);
writeFileSync("javascript.json", JSON.stringify(bodies.find((body) => body.metrics?.timespan).metrics));
JAVASCRIPT
node in_javascript.mjs >glean.log 2>&1
cat > pings.yaml <<'YAML'
$schema: moz://mozilla.org/schemas/glean/pings/2-0-0
usage:
  description: An example.
  include_client_id: true
  bugs: ["https://example.org/1"]
  data_reviews: ["https://example.org/1"]
  notification_emails: ["team@example.org"]
YAML
cat > in_python.py <<'PYTHON'
import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from glean import Configuration, Glean, load_metrics, load_pings

TYPES = {
    "text": {"type": "string"},
    "list": {"type": "string_list"},
    "labels": {"type": "labeled_counter"},
    "count": {"type": "counter"},
    "memory": {"type": "memory_distribution", "memory_unit": "kilobyte"},
    "custom": {"type": "custom_distribution", "range_min": 1, "range_max": 100, "bucket_count": 10,
               "histogram_type": "linear", "unit": "example"},
    "time": {"type": "timespan", "time_unit": "second"},
}
COMMON = {
    "description": "An example.", "expires": "never", "send_in_pings": ["usage"], "bugs": ["https://example.org/1"],
    "data_reviews": ["https://example.org/1"], "notification_emails": ["team@example.org"],
}
received = []


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "/usage/" in self.path:
            received.append(json.loads(gzip.decompress(body))["metrics"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def recorded():
    """The metrics of the ping, and what fractions raise."""
    usage = load_pings("pings.yaml").usage
    metrics = load_metrics("metrics.yaml").example
    metrics.text.set("t" * 300)
    metrics.list.set(["item"] * 120)
    metrics.labels["l" * 80].add(1)
    metrics.count.add(2**31 - 1)
    metrics.count.add(2**31 - 1)
    metrics.memory.accumulate(2**31)
    metrics.time.set_raw_nanos(1_600_000_000)
    try:
        metrics.custom.accumulate_samples([1.5])
        fraction = "taken"
    except TypeError as error:
        fraction = type(error).__name__
    time.sleep(1)
    usage.submit()
    end = time.monotonic() + 30
    while not received and time.monotonic() < end:
        time.sleep(0.1)
    return received[0], fraction


def seen(metrics):
    custom = metrics.get("custom_distribution", {})
    [label] = metrics["labeled_counter"]["example.labels"]
    [bucket] = (start for start, count in metrics["memory_distribution"]["example.memory"]["values"].items() if count)
    return {
        "bytes of a string": len(metrics["string"]["example.text"]),
        "items of a string list": len(metrics["string_list"]["example.list"]),
        "a label of 80 characters": "kept" if label.startswith("l") else label,
        "counter, 2**31 - 1 added twice": metrics["counter"]["example.count"],
        "bucket of 2**31 kB": int(bucket),
        "sum of a custom distribution of 1.5": custom.get("example.custom", {}).get("sum"),
        "1.6 s, in seconds": metrics["timespan"]["example.time"]["value"],
    }


if __name__ == "__main__":
    schema = "moz://mozilla.org/schemas/glean/metrics/2-0-0"
    definitions = {name: COMMON | own for name, own in TYPES.items()}
    Path("metrics.yaml").write_text(json.dumps({"$schema": schema, "example": definitions}))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Glean.initialize(
        application_id="example-app", application_version="1", application_build_id="1", upload_enabled=True,
        data_dir=Path("data"), configuration=Configuration(server_endpoint=f"http://127.0.0.1:{server.server_port}"),
    )
    metrics, fraction = recorded()
    in_python = seen(metrics) | {"sum of a custom distribution of 1.5": fraction}
    in_javascript = seen(json.loads(Path("javascript.json").read_text()))
    for name, value in in_javascript.items():
        print(f"{name:<37} {value:>15} {in_python[name]:>15}")
    assert list(in_javascript.values()) == [100, 20, "__other__", 4294967294, 2199023255551, 1.5, 2]
    assert list(in_python.values()) == [255, 100, "kept", 2147483647, 1099511627775, "TypeError", 1]
PYTHON
venv/bin/python in_python.py
echo "as described"
