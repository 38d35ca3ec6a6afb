#!/usr/bin/env bash
# mixpanel 0.24.0 (JavaScript) sends the same events and the same profile to two projects, each by its own client.
# Expected: each project gets all of it, and the program's objects stay as they were.
# Seen: the first client writes its token into the events, and the second takes the token that it finds.  So the first
# project gets the events twice and the second none, without an error.  The first client also takes the address and
# $ignore_time out of the profile, so that the second sends it without both:
#                                  client A                  client B
#   track_batch(events), token     A                         A
#   people.set(profile), token     A                         B
#   people.set(profile), address   203.0.113.5               none
#   people.set(profile), $ignore_time  true                  none
#   track(event), token            A                         B
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund mixpanel@0.24.0
cat >seen.js <<'JAVASCRIPT'
const http = require("http");
const Mixpanel = require("mixpanel");

let who;
const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1");
    const form = request.method === "POST" ? new URLSearchParams(Buffer.concat(parts).toString()) : searchParams;
    // A plus sign of base64 is a space in a form.
    const body = JSON.parse(Buffer.from(form.get("data").replaceAll(" ", "+"), "base64"));
    if (pathname === "/engage") console.log(who, "profile", body.$token, body.$ip, body.$ignore_time);
    else if (Array.isArray(body)) console.log(who, "batch", body.map((event) => event.properties.token).join());
    else console.log(who, "event", body.properties.token);
    response.end("1");
  });
});

server.listen(0, "127.0.0.1", async () => {
  const config = { host: "127.0.0.1", port: server.address().port, protocol: "http", keepAlive: false };
  const events = ["search", "open"].map((event) => ({ event, properties: { distinct_id: "anna", tabs: 3 } }));
  const profile = { channel: "beta", ip: "203.0.113.5", $ignore_time: true };
  const properties = { distinct_id: "anna", tabs: 3 };
  for (const token of ["A", "B"]) {
    who = `client ${token}`;
    const client = Mixpanel.init(token, { ...config });
    await new Promise((resolve) => client.track_batch(events, resolve));
    await new Promise((resolve) => client.people.set("anna", profile, resolve));
    await new Promise((resolve) => client.track("search", properties, resolve));
  }
  console.log("the profile of the program:", JSON.stringify(profile));
  process.exit(0);
});
JAVASCRIPT
env -u HTTP_PROXY -u HTTPS_PROXY node seen.js >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
client A batch A,A
client A profile A 203.0.113.5 true
client A event A
client B batch A,A
client B profile B undefined undefined
client B event B
the profile of the program: {"channel":"beta"}
EXPECTED
echo "as described"
