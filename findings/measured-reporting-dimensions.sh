#!/usr/bin/env bash
# measured-reporting 2.0.0 (JavaScript) keeps one counter for each name and its dimensions.
# Expected: counters of one name with different dimensions are different counters, and each is reported with its own.
# Seen: a counter is found by the name and the values of its dimensions, joined by hyphens.  The names of the dimensions
# do not count.  So counters are added up under the dimensions of whichever came first, without an error:
#   requests, 3 from {from: "fr"}, then 4 to {to: "fr"}              one counter: 7, {from: "fr"}
#   requests, 3 of {channel: "beta-de"}, then 4 of {channel: "beta", locale: "de"}
#                                                                    one counter: 7, {channel: "beta-de"}
#   requests, 3 of {channel: "beta"}, then 4 of requests-beta        one counter: 7, requests {channel: "beta"}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund measured-reporting@2.0.0 measured-core@2.0.0
cat >seen.js <<'JAVASCRIPT'
const { Reporter, SelfReportingMetricsRegistry } = require("measured-reporting");

class Printer extends Reporter {
  _reportMetrics(metrics) {
    for (const { name, metricImpl, dimensions } of metrics) {
      console.log(" ", name, JSON.stringify(dimensions), metricImpl.toJSON());
    }
  }
}

const CASES = [
  [["requests", { from: "fr" }], ["requests", { to: "fr" }]],
  [["requests", { channel: "beta-de" }], ["requests", { channel: "beta", locale: "de" }]],
  [["requests", { channel: "beta" }], ["requests-beta", {}]],
  [["requests", { channel: "beta" }], ["requests", { channel: "nightly" }]],
];

async function main() {
  for (const [[firstName, first], [secondName, second]] of CASES) {
    const reporter = new Printer({ unrefTimers: true });
    const registry = new SelfReportingMetricsRegistry(reporter);
    registry.getOrCreateCounter(firstName, first).inc(3);
    registry.getOrCreateCounter(secondName, second).inc(4);
    console.log(firstName, JSON.stringify(first), "3,", secondName, JSON.stringify(second), "4:");
    await new Promise((resolve) => setTimeout(resolve, 50));
    registry.shutdown();
  }
}

main();
JAVASCRIPT
node seen.js >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
requests {"from":"fr"} 3, requests {"to":"fr"} 4:
  requests {"from":"fr"} 7
requests {"channel":"beta-de"} 3, requests {"channel":"beta","locale":"de"} 4:
  requests {"channel":"beta-de"} 7
requests {"channel":"beta"} 3, requests-beta {} 4:
  requests {"channel":"beta"} 7
requests {"channel":"beta"} 3, requests {"channel":"nightly"} 4:
  requests {"channel":"beta"} 3
  requests {"channel":"nightly"} 4
EXPECTED
echo "as described"
