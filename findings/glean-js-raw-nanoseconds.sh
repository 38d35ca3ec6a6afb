#!/usr/bin/env bash
# @mozilla/glean 5.0.10: a timespan that is set with setRawNanos().
# Expected: the value is cut to the unit of the metric, 1.5004567 seconds to 1 second or 1500 milliseconds, as in the
# Glean SDK for Python (71.0.0).
# Seen: nanoseconds are turned into milliseconds by a multiplication with 10**-6, and what is then not a whole number is
# dropped, whatever the unit is: the ping has no timespan, and no error is recorded in it.  A value that is kept is
# rounded to the unit, so 1.6 seconds are 2:
#   1500000000 ns, millisecond  1500
#   1500456700 ns, millisecond  not sent
#   1500456700 ns, second       not sent
#   1600000000 ns, second       2
# The browser is replaced by stand-ins for fetch, navigator and local storage.  Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mozilla/glean@5.0.10 >/dev/null
cat > timespans.mjs <<'JAVASCRIPT'
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
const { default: Timespan } = await import("@mozilla/glean/private/metrics/timespan");

Glean.initialize("example-app", true, { serverEndpoint: "https://telemetry.example.org" });
const usage = new PingType({
  name: "usage", includeClientId: true, sendIfEmpty: true, preciseTimestamps: true, includeInfoSections: true,
  enabled: true, followsCollectionEnabled: true, schedulesPings: [], reasonCodes: [], uploaderCapabilities: [],
});
const set = (name, unit, nanoseconds) => {
  const meta = { category: "example", name, sendInPings: ["usage"], lifetime: "ping", disabled: false };
  new Timespan(meta, unit).setRawNanos(nanoseconds);
};
const cases = {
  whole: [1_500_000_000, "millisecond"], fraction: [1_500_456_700, "millisecond"],
  seconds: [1_500_456_700, "second"], rounded: [1_600_000_000, "second"],
};
for (const [name, [nanoseconds, unit]] of Object.entries(cases)) set(name, unit, nanoseconds);
usage.submit();
await sleep(1000);
const { metrics } = bodies.find((body) => body.metrics?.timespan);
const seen = Object.entries(cases).map(([name, [nanoseconds, unit]]) => {
  const value = metrics.timespan[`example.${name}`]?.value ?? "not sent";
  console.log(`${nanoseconds} ns, ${unit.padEnd(11)}  ${value}`);
  return value;
});
process.exit(String(seen) === "1500,not sent,not sent,2" && !("labeled_counter" in metrics) ? 0 : 1);
JAVASCRIPT
node timespans.mjs 2>/dev/null | grep -v '^(Glean'
echo "as described"
