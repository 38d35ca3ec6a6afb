#!/usr/bin/env bash
# @mozilla/glean 5.0.10 in a half-hour time zone: the offset in ping_info is written as "+5.5:00", which is no
# ISO 8601 offset, and the local time before it is computed from an offset cut to whole hours.
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mozilla/glean@5.0.10 >/dev/null
cat > offset.mjs <<'JAVASCRIPT'
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

function find(folder, name) {
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry);
    if (statSync(path).isDirectory()) {
      const found = find(path, name);
      if (found) return found;
    } else if (entry === name) return path;
  }
}
const file = find("node_modules/@mozilla/glean/dist", "datetime.js");
const { DatetimeMetric } = await import(pathToFileURL(file).href);
const moment = new Date("2026-11-28T01:05:00Z");
const payload = DatetimeMetric.fromDate(moment, "minute").payload();
console.log(`Asia/Kolkata, 06:35 local time: ${payload}`);
process.exit(payload === "2026-11-28T06:05+5.5:00" ? 0 : 1);
JAVASCRIPT
TZ=Asia/Kolkata node offset.mjs
echo "as described"
