#!/usr/bin/env bash
# @mozilla/glean 5.0.10 where sendBeacon is not available, so that it uploads with fetch, and the server answers 503.
# Expected: the ping stays in local storage until a 2xx, is sent again after a while, and again after a reload.
# Seen: the ping is gone from local storage before the answer is known.  The log says "will retry", but nothing is sent
# until the page submits another ping.  If the page is closed before that, the ping is lost:
#   pings in local storage during the upload: {}
#   3 s after a 503: 1 request, pings in local storage: {}
#   after the next ping: 3 requests, the first ping came 2 times
# The browser is replaced by stand-ins for fetch, navigator and local storage.  Needs Node.js 20 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mozilla/glean@5.0.10 >/dev/null
cat > retry.mjs <<'JAVASCRIPT'
import { setTimeout as sleep } from "node:timers/promises";

const stored = new Map();
const sent = [];
const storedDuringUpload = [];
const answers = [503, 200, 200];
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
  fetch: async (url) => {
    sent.push(url.split("/").pop());
    await sleep(100); // a server far away
    storedDuringUpload.push(stored.get("pings"));
    return { status: answers.shift() };
  },
};
for (const [name, value] of Object.entries(browser)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
const { default: Glean } = await import("@mozilla/glean/web");
const { default: PingType } = await import("@mozilla/glean/private/ping");

Glean.initialize("example-app", true, { serverEndpoint: "https://telemetry.example.org" });
const usage = new PingType({
  name: "usage", includeClientId: true, sendIfEmpty: true, preciseTimestamps: true, includeInfoSections: true,
  enabled: true, followsCollectionEnabled: true, schedulesPings: [], reasonCodes: [], uploaderCapabilities: [],
});
usage.submit();
await sleep(3000);
const requests = sent.length;
const left = stored.get("pings");
console.log(`pings in local storage during the upload: ${storedDuringUpload[0]}`);
console.log(`3 s after a 503: ${requests} request, pings in local storage: ${left}`);
usage.submit();
await sleep(1000);
const copies = sent.filter((id) => id === sent[0]).length;
console.log(`after the next ping: ${sent.length} requests, the first ping came ${copies} times`);
process.exit(requests === 1 && storedDuringUpload[0] === "{}" && left === "{}" && sent.length === 3 && copies === 2 ? 0 : 1);
JAVASCRIPT
node retry.mjs 2>/dev/null | grep -v '^(Glean'
echo "as described"
