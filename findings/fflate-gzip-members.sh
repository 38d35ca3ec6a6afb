#!/usr/bin/env bash
# fflate 0.8.3 (npm) reads a gzip file of two members, as log files that grow are: RFC 1952 allows it, and fflate's
# documentation names its Gunzip and AsyncGunzip "single or multi-member".
# Expected: gunzipSync() and gunzip() give both members too, as zlib of Node.js does, or an error.
# Seen: they give the first member at most, without an error, and as many bytes of it as the last member has.  A last
# member that is empty therefore takes all:
#   rows of the members   zlib   Gunzip   gunzipSync   gunzip
#   3 and 3               6      6        3            3
#   3000 and 1            3001   3001     1            1
#   1 and 3000            3001   3001     1            1
#   3 and 0               3      3        0            0
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund fflate@0.8.3
cat >seen.js <<'JAVASCRIPT'
const zlib = require("zlib");
const { Gunzip, gunzip, gunzipSync } = require("fflate");

const ROW = "ping\n";

function inOneStream(file) {
  const parts = [];
  new Gunzip((part) => parts.push(part)).push(file, true);
  return Buffer.concat(parts);
}

async function main() {
  for (const members of [[3, 3], [3000, 1], [1, 3000], [3, 0]]) {
    const file = new Uint8Array(Buffer.concat(members.map((rows) => zlib.gzipSync(ROW.repeat(rows)))));
    const later = await new Promise((resolve, reject) => {
      gunzip(file, (error, text) => (error ? reject(error) : resolve(text)));
    });
    const texts = [zlib.gunzipSync(file), inOneStream(file), gunzipSync(file), later];
    console.log(members.join(" and "), ...texts.map((text) => text.length / ROW.length));
  }
}

main();
JAVASCRIPT
node seen.js | tee seen.txt
diff seen.txt - <<'EXPECTED'
3 and 3 6 6 3 3
3000 and 1 3001 3001 1 1
1 and 3000 3001 3001 1 1
3 and 0 3 3 0 0
EXPECTED
echo "as described"
