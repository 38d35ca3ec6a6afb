#!/usr/bin/env bash
# count-min-sketch 0.1.1 (JavaScript) estimates how often each key was counted.
# Expected: an estimate is never below the true count.  Keys that differ are different keys, but for chance.
# Seen: the counters have 32 bits and hold whole numbers, so that counts past 4,294,967,295 begin again at 0, and
# weights below 1 are lost.  A number as a key is cut to its low 32 bits without its fraction, and all objects are one
# key.  There is no error:
#   update("esr", 2**31), twice          query("esr")            0, in place of 4294967296
#   update("beta", 0.5), twice           query("beta")           0, in place of 1
#   update("dev", 1), update("dev", -2)  query("dev")            4294967295, in place of -1
#   update(20261130091500, 3)            query(1769356268)       3, in place of 0
#   update(115.1, 3)                     query(115.9)            3, in place of 0
#   update({os: "Linux"}, 3)             query({os: "Windows"})  3, in place of 0
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund count-min-sketch@0.1.1 >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const createSketch = require("count-min-sketch");

function show(name, updates, key) {
  const sketch = createSketch(0.0001, 0.0001);
  for (const [counted, weight] of updates) sketch.update(counted, weight);
  console.log(name, sketch.query(key));
}

show("large counts", [["esr", 2 ** 31], ["esr", 2 ** 31]], "esr");
show("weights", [["beta", 0.5], ["beta", 0.5]], "beta");
show("corrections", [["dev", 1], ["dev", -2]], "dev");
show("builds", [[20261130091500, 3]], 20261130091500 % 2 ** 32);
show("versions", [[115.1, 3]], 115.9);
show("objects", [[{ os: "Linux" }, 3]], { os: "Windows" });
show("texts", [["115.1", 3]], "115.9");
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
large counts 0
weights 0
corrections 4294967295
builds 3
versions 3
objects 3
texts 0
EXPECTED
echo "as described"
