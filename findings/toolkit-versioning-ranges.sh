#!/usr/bin/env bash
# mozilla-toolkit-versioning 1.0.0 (npm) makes the first and last version of Firefox of a range such as `>115`.
# mozilla-version-comparator 1.0.2 compares versions by Mozilla's rules: its README.md names it for that.
# Expected: a range holds the versions that the comparator finds greater or less.  By the README.md `<` holds no
# pre-releases of its version, and `<=` does.
# Seen: `>115` leaves out 115.0.1, which is greater, and `>115.0b19` leaves out all later betas, as the last digit is
# counted on to b110.  `<115.0` holds the pre-releases of 115.0, but `<115` does not.  With a space behind the sign, as
# in the README.md, the limit is lost:
#   >115: 115.1 to -, without 115.0.1
#   >115.0b8: 115.0b9 to -, with 115.0b9
#   >115.0b19: 115.0b110 to -, without 115.0b20
#   <115.0: - to 115.0.-1, with 115.0b1
#   <115: - to 115.-1, without 115.0b1
#   >=3.6 <=30.0: 3.6 to 30.0, without 31.0
#   >=3.6 <= 30.0: 3.6 to , with 31.0
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund mozilla-toolkit-versioning@1.0.0 mozilla-version-comparator@1.0.2
cat >seen.js <<'JAVASCRIPT'
const compare = require("mozilla-version-comparator");
const { parse } = require("mozilla-toolkit-versioning");
const CASES = [
  [">115", "115.0.1"],
  [">115.0b8", "115.0b9"],
  [">115.0b19", "115.0b20"],
  ["<115.0", "115.0b1"],
  ["<115", "115.0b1"],
  [">=3.6 <=30.0", "31.0"],
  [">=3.6 <= 30.0", "31.0"],
];
for (const [range, version] of CASES) {
  const { min, max } = parse(range);
  const isHeld = (!min || compare(version, min) >= 0) && (!max || compare(version, max) <= 0);
  console.log(`${range}: ${min ?? "-"} to ${max ?? "-"}, ${isHeld ? "with" : "without"} ${version}`);
}
JAVASCRIPT
node seen.js | tee seen.txt
diff seen.txt - <<'EXPECTED'
>115: 115.1 to -, without 115.0.1
>115.0b8: 115.0b9 to -, with 115.0b9
>115.0b19: 115.0b110 to -, without 115.0b20
<115.0: - to 115.0.-1, with 115.0b1
<115: - to 115.-1, without 115.0b1
>=3.6 <=30.0: 3.6 to 30.0, without 31.0
>=3.6 <= 30.0: 3.6 to , with 31.0
EXPECTED
echo "as described"
