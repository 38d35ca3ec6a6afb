#!/usr/bin/env bash
# rudder-sdk-python 2.1.9 and @rudderstack/rudder-sdk-node 3.0.13 send events of clients.  The program keeps one context
# for all of them, which holds the version of the program.
# Expected: identify() sends the traits of its client, and the context of the program stays as it was.
# Seen: identify() of the SDK for Python writes the traits into the context that it is given.  Each later event that is
# sent with this context has the traits of another client, without an error.  Traits that a context already has are
# replaced by none.  The SDK for JavaScript leaves the context alone:
#                                              Python                        JavaScript
#   the context after identify("anna")         {app, library, traits: paid}  {app}
#   track("ben"), context.traits               {plan: "paid"}                undefined
#   identify("carl"), traits in its context    {}                            {plan: "free"}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet rudder-sdk-python==2.1.9
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @rudderstack/rudder-sdk-node@3.0.13
cat >seen.py <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from rudderstack.analytics.client import Client

received = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        received.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["batch"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Client("key", host=f"http://127.0.0.1:{server.server_port}", gzip=False)
context = {"app": {"version": "147.0"}}
client.identify("anna", {"plan": "paid"}, context=context)
client.track("ben", "search", {"tabs": 3}, context=context)
client.identify("carl", context={"traits": {"plan": "free"}})
client.shutdown()
print("the context of the program:", sorted(context))
for event in received:
    print(event["type"], event["userId"], json.dumps(event["context"].get("traits"), separators=(",", ":")))
PYTHON
cat >seen.js <<'JAVASCRIPT'
const http = require("http");
const sdk = require("@rudderstack/rudder-sdk-node");

const Analytics = sdk.default ?? sdk;
const received = [];
const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    received.push(...JSON.parse(Buffer.concat(parts)).batch);
    response.end("{}");
  });
});
server.listen(0, "127.0.0.1", () => {
  const dataPlaneUrl = `http://127.0.0.1:${server.address().port}`;
  const client = new Analytics("key", { dataPlaneUrl, gzip: false, flushAt: 3, logLevel: "error" });
  const context = { app: { version: "147.0" } };
  client.identify({ userId: "anna", traits: { plan: "paid" }, context });
  client.track({ userId: "ben", event: "search", properties: { tabs: 3 }, context });
  client.identify({ userId: "carl", context: { traits: { plan: "free" } } });
  const timer = setInterval(() => {
    if (received.length < 3) return;
    clearInterval(timer);
    console.log("the context of the program:", JSON.stringify(Object.keys(context)));
    for (const { type, userId, context: sent } of received) {
      console.log(type, userId, JSON.stringify(sent.traits));
    }
    process.exit(0);
  }, 20);
});
JAVASCRIPT
(
  echo "Python:"
  venv/bin/python seen.py
  echo "JavaScript:"
  node seen.js
) >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
Python:
the context of the program: ['app', 'library', 'traits']
identify anna {"plan":"paid"}
track ben {"plan":"paid"}
identify carl {}
JavaScript:
the context of the program: ["app"]
identify anna {"plan":"paid"}
track ben undefined
identify carl {"plan":"free"}
EXPECTED
echo "as described"
