#!/usr/bin/env bash
# @mozilla/glean 5.0.10: a labeled metric without a list of labels keeps 16 labels, the others count as __other__.
# Expected: 16 labels in each ping, whatever other metrics there are, as the Glean SDK for Python (71.0.0) keeps them.
# Seen: the labels are counted over all pings of the metric, and every metric of the submetric's type whose name begins
# with the name of the labeled one counts too.  No error is recorded for that:
#   sent in 1 ping                              16 labels, __other__ 4
#   sent in 2 pings                              8 labels, __other__ 12
#   sent in 4 pings                              4 labels, __other__ 16
#   clicks, beside 10 counters named clicks_...  6 labels, __other__ 14
# The browser is replaced by stand-ins for fetch, navigator and local storage.  Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mozilla/glean@5.0.10 >/dev/null
cat > labels.mjs <<'JAVASCRIPT'
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
const { default: Labeled } = await import("@mozilla/glean/private/metrics/labeled");
const { default: Counter } = await import("@mozilla/glean/private/metrics/counter");

Glean.initialize("example-app", true, { serverEndpoint: "https://telemetry.example.org" });
const usage = new PingType({
  name: "usage", includeClientId: true, sendIfEmpty: true, preciseTimestamps: true, includeInfoSections: true,
  enabled: true, followsCollectionEnabled: true, schedulesPings: [], reasonCodes: [], uploaderCapabilities: [],
});
const definition = (name, sendInPings = ["usage"]) => ({
  category: "example", name, sendInPings, lifetime: "ping", disabled: false,
});
for (let number = 0; number < 10; number++) new Counter(definition(`clicks_${number}`)).add();
const pings = ["usage", "second", "third", "fourth"];
const cases = {
  one: ["sent in 1 ping", definition("one", pings.slice(0, 1))],
  two: ["sent in 2 pings", definition("two", pings.slice(0, 2))],
  four: ["sent in 4 pings", definition("four", pings)],
  clicks: ["clicks, beside 10 counters named clicks_...", definition("clicks")],
};
for (const [, meta] of Object.values(cases)) {
  const metric = new Labeled(meta, Counter);
  for (let number = 0; number < 20; number++) metric[`label${number}`].add();
}
usage.submit();
await sleep(1000);
const { labeled_counter: counts } = bodies.find((body) => body.metrics?.labeled_counter).metrics;
const kept = Object.entries(cases).map(([name, [what]]) => {
  const { __other__: other, ...labels } = counts[`example.${name}`];
  const number = Object.keys(labels).length;
  console.log(`${what.padEnd(43)} ${String(number).padStart(2)} labels, __other__ ${other}`);
  return number;
});
const errors = Object.keys(counts).filter((name) => name.startsWith("glean.error"));
process.exit(String(kept) === "16,8,4,6" && errors.length === 0 ? 0 : 1);
JAVASCRIPT
node labels.mjs 2>/dev/null | grep -v '^(Glean'
echo "as described"
