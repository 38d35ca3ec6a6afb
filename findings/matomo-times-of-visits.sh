#!/usr/bin/env bash
# piwikapi 0.3 (Python) and matomo-tracker 2.2.4 (JavaScript) report visits to Matomo.  The visit was on 1 November 2026
# at noon, UTC.  The tracking API of Matomo takes this time from the parameter `cdt`, and uses its own clock without it.
# Expected: the request holds the time that was given.
# Seen: piwikapi has set_force_visit_date_time() for visits of the past, but sends no parameter of it.
# matomo-tracker sends a Date, an object or a list of objects as an empty text, without an error.  So each of these
# visits is counted for today:
#                                                       cdt                      cvar
#   piwikapi, set_force_visit_date_time(datetime)       none                     none
#   matomo-tracker, cdt: a Date, cvar: an object        an empty text            an empty text
#   matomo-tracker, both as texts                       2026-11-01T12:00:00.000Z  {"1":["channel","beta"]}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet piwikapi==0.3
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund matomo-tracker@2.2.4
cat >seen.py <<'PYTHON'
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from piwikapi.tracking import PiwikTracker


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parameters = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        days = [name for name, values in parameters.items() if "2026-11" in "".join(values)]
        print("piwikapi:", "cdt", parameters.get("cdt"), "cvar", parameters.get("cvar"), "days", days)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


class Request:
    META = {"SERVER_NAME": "example.com", "PATH_INFO": "/", "QUERY_STRING": ""}
    COOKIES = {}

    def is_secure(self):
        return True


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
tracker = PiwikTracker(1, Request())
tracker.set_api_url(f"http://127.0.0.1:{server.server_port}/piwik.php")
tracker.set_token_auth("token")
tracker.set_force_visit_date_time(datetime(2026, 11, 1, 12, tzinfo=timezone.utc))
tracker.do_track_page_view("a page")
PYTHON
cat >seen.js <<'JAVASCRIPT'
const http = require("http");
const MatomoTracker = require("matomo-tracker");

const date = new Date("2026-11-01T12:00:00Z");
const variables = { 1: ["channel", "beta"] };
const CASES = [
  { cdt: date, cvar: variables },
  { cdt: date.toISOString(), cvar: JSON.stringify(variables) },
];

function show(parameters) {
  console.log("matomo-tracker:", JSON.stringify([parameters.get("cdt"), parameters.get("cvar")]));
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    if (request.method === "GET") show(new URL(request.url, "http://127.0.0.1").searchParams);
    else JSON.parse(Buffer.concat(parts)).requests.forEach((query) => show(new URLSearchParams(query)));
    response.end();
  });
});
server.listen(0, "127.0.0.1", () => {
  const tracker = new MatomoTracker(1, `http://127.0.0.1:${server.address().port}/matomo.php`);
  tracker.on("error", (error) => console.log("error", error));
  const [first, second] = CASES.map((visit) => ({ url: "https://example.com/", token_auth: "token", ...visit }));
  tracker.track(first);
  setTimeout(() => tracker.trackBulk([first, second], () => process.exit(0)), 300);
});
JAVASCRIPT
(
  venv/bin/python seen.py
  node seen.js
) >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
piwikapi: cdt None cvar None days []
matomo-tracker: ["",""]
matomo-tracker: ["",""]
matomo-tracker: ["2026-11-01T12:00:00.000Z","{\"1\":[\"channel\",\"beta\"]}"]
EXPECTED
echo "as described"
