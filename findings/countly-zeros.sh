#!/usr/bin/env bash
# countly-sdk-nodejs 24.10.4 (JavaScript) sends what many clients did to Countly, by its class CountlyBulk.  A client in
# UTC started on Sunday 29 November 2026 at midnight, and had 0 errors.  The server that sends this is in another zone.
# Expected: the request has the hour, the day of the week and the zone that it was given.  The event has the count 0.
# Seen: each 0 is taken for an absent value, without an error.  The hour, the day and the zone become those of the
# server, so that a client in UTC is elsewhere on Saturday, and the count becomes 1.  Other numbers stay as they are:
#                               given         sent from EST5    sent from JST-9
#   hour, day of week, zone     0, 0, 0       19, 6, -300       9, 0, 540
#   hour, day of week, zone     1, 1, 60      1, 1, 60          1, 1, 60
#   count of errors             0             1                 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund countly-sdk-nodejs@24.10.4
cat >seen.js <<'JAVASCRIPT'
const http = require("http");
const { Bulk } = require("countly-sdk-nodejs");

const MIDNIGHT = Date.UTC(2026, 10, 29);
const HOUR = 3600 * 1000;

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const query = request.method === "GET" ? request.url.split("?")[1] : Buffer.concat(parts).toString();
    for (const { device_id: client, hour, dow, tz, events } of JSON.parse(new URLSearchParams(query).get("requests"))) {
      if (events) for (const { key, count } of events) console.log(process.env.TZ, key, count);
      else console.log(process.env.TZ, client, hour, dow, tz);
    }
    response.end('{"result": "Success"}');
  });
});
server.listen(0, "127.0.0.1", () => {
  const bulk = new Bulk({ app_key: "key", url: `http://127.0.0.1:${server.address().port}`, interval: 100 });
  const start = { begin_session: 1 };
  bulk.add_request({ ...start, device_id: "anna", timestamp: MIDNIGHT, hour: 0, dow: 0, tz: 0 });
  bulk.add_request({ ...start, device_id: "ben", timestamp: MIDNIGHT + 24 * HOUR, hour: 1, dow: 1, tz: 60 });
  bulk.add_event("anna", { key: "errors", count: 0, timestamp: MIDNIGHT });
  bulk.add_event("anna", { key: "tabs", count: 2, timestamp: MIDNIGHT });
  bulk.start(() => process.exit(0));
});
JAVASCRIPT
for zone in EST5 JST-9; do
  TZ=$zone node seen.js
done >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
EST5 anna 19 6 -300
EST5 ben 1 1 60
EST5 errors 1
EST5 tabs 2
JST-9 anna 9 0 540
JST-9 ben 1 1 60
JST-9 errors 1
JST-9 tabs 2
EXPECTED
echo "as described"
