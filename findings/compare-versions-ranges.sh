#!/usr/bin/env bash
# compare-versions 6.1.1 (JavaScript) has satisfies(), which by its documentation takes ranges as npm does.
# Expected: the answers of npm's own semver 7.8.6.
# Seen: others, without an error.  A range after a pre-release leaves out the releases that follow, 115.x does not hold
# 115.1, and a range of stable versions takes pre-releases, also those of the next version:
#   version            range              semver   compare-versions
#   115.0.0            ^115.0.0-beta.1    true     false
#   115.1.2            ^115.0.0-beta.1    true     false
#   115.1.2            115.x              true     false
#   115.0.9            <=115.0            true     false
#   115.0.9            >115.0             false    true
#   116.0.0-beta.1     <116.0.0           false    true
#   115.0.0-alpha.1    ^115               false    true
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund compare-versions@6.1.1 semver@7.8.6
cat >seen.js <<'JAVASCRIPT'
const semver = require("semver");
const { satisfies } = require("compare-versions");
const cases = [
  ["115.0.0", "^115.0.0-beta.1"],
  ["115.1.2", "^115.0.0-beta.1"],
  ["115.1.2", "115.x"],
  ["115.0.9", "<=115.0"],
  ["115.0.9", ">115.0"],
  ["116.0.0-beta.1", "<116.0.0"],
  ["115.0.0-alpha.1", "^115"],
];
for (const [version, range] of cases) {
  console.log(version, range, semver.satisfies(version, range), satisfies(version, range));
}
JAVASCRIPT
node seen.js | tee seen.txt
diff seen.txt - <<'EXPECTED'
115.0.0 ^115.0.0-beta.1 true false
115.1.2 ^115.0.0-beta.1 true false
115.1.2 115.x true false
115.0.9 <=115.0 true false
115.0.9 >115.0 false true
116.0.0-beta.1 <116.0.0 false true
115.0.0-alpha.1 ^115 false true
EXPECTED
echo "as described"
