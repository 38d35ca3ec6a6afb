#!/usr/bin/env bash
# parse-prometheus-text-format 1.1.1 (npm) reads a page of Prometheus: a histogram, a summary and a counter, each with
# two channels, and a histogram of which one series has no channel.  prometheus-client 0.26.0 (Python) reads it too.
# Expected: all the series, as Python finds them.
# Seen: JavaScript keeps one histogram and one summary, without a label.  The buckets are those of the channel that is
# last on the page.  Sums and counts are left out, or belong to the series without a channel, and so to other buckets.
# There is no error:
#   metric       series in Python  what JavaScript reads
#   start        2                 {buckets: {1: 2, +Inf: 4}}
#   load         2                 {buckets: {1: 2, +Inf: 4}, count: 100, sum: 70}
#   stop         2                 {quantiles: {0.5: 3}}
#   calls_total  2                 {value: 100, labels: {channel: release}}
#                                  {value: 4, labels: {channel: nightly}}
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet prometheus-client==0.26.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund parse-prometheus-text-format@1.1.1 >/dev/null
cat > parse.cjs <<'JAVASCRIPT'
const parse = require("parse-prometheus-text-format");
process.stdout.write(JSON.stringify(parse(require("fs").readFileSync(0, "utf8"))));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

from prometheus_client.parser import text_string_to_metric_families

PAGE = '''\
# TYPE start histogram
start_bucket{channel="release",le="1"} 90
start_bucket{channel="release",le="+Inf"} 100
start_sum{channel="release"} 70
start_count{channel="release"} 100
start_bucket{channel="nightly",le="1"} 2
start_bucket{channel="nightly",le="+Inf"} 4
start_sum{channel="nightly"} 6
start_count{channel="nightly"} 4
# TYPE load histogram
load_bucket{le="1"} 90
load_bucket{le="+Inf"} 100
load_sum 70
load_count 100
load_bucket{channel="nightly",le="1"} 2
load_bucket{channel="nightly",le="+Inf"} 4
load_sum{channel="nightly"} 6
load_count{channel="nightly"} 4
# TYPE stop summary
stop{channel="release",quantile="0.5"} 1
stop_sum{channel="release"} 70
stop_count{channel="release"} 100
stop{channel="nightly",quantile="0.5"} 3
stop_sum{channel="nightly"} 6
stop_count{channel="nightly"} 4
# TYPE calls_total counter
calls_total{channel="release"} 100
calls_total{channel="nightly"} 4
'''
# What JavaScript reads of each metric; Python reads two series of each.
WANTED = {
    "start": [{"buckets": {"1": "2", "+Inf": "4"}}],
    "load": [{"buckets": {"1": "2", "+Inf": "4"}, "count": "100", "sum": "70"}],
    "stop": [{"quantiles": {"0.5": "3"}}],
    "calls_total": [
        {"value": "100", "labels": {"channel": "release"}}, {"value": "4", "labels": {"channel": "nightly"}},
    ],
}

node = subprocess.run(["node", "parse.cjs"], input=PAGE, text=True, stdout=subprocess.PIPE, check=True)
read = {family["name"]: family["metrics"] for family in json.loads(node.stdout)}
print(f"{'metric':<12} {'series in Python':<17} what JavaScript reads")
for family, (name, wanted) in zip(text_string_to_metric_families(PAGE), WANTED.items(), strict=True):
    channels = {sample.labels.get("channel") for sample in family.samples}
    for number, metric in enumerate(read[name]):
        text = json.dumps(metric).replace('"', "")
        print(f"{'' if number else name:<12} {'' if number else len(channels):<17} {text}")
    assert len(channels) == 2
    assert read[name] == wanted, read[name]
PYTHON
echo "as described"
