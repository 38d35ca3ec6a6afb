#!/usr/bin/env bash
# cuckoo-filter 1.1.4 (JavaScript) keeps ids in a filter of 4,096 buckets, with four bytes of each id.  Its
# documentation allows buffers, texts and numbers as ids.  (It needs cbor-js, which it does not name among its
# dependencies.)
# Expected: numbers are kept like texts.  With four bytes hardly any number is taken for another one that was added.
# Seen: a number is written in hexadecimal digits, and these are read in pairs, so that a single last digit is lost:
# 1000 is 3e8, and is kept as 3e.  All numbers with the same first digits are found, and remove() of one removes
# another.  Of small even numbers, fractions and negative numbers nothing is left, so that they are all one.  There is
# no error:
#                                         as texts     as numbers
#   added 1000000, 1000002, ..., 1001998  1000 taken   996 taken
#   found of 1000001, 1000003, ...        0 of 1000    1000 of 1000
#   added 0, 1, ..., 999                  1000 taken   749 taken
#   found of 1000, 1001, ..., 1999        0 of 1000    579 of 1000
#   added 0.5, found of 0.25, -1 and 7.5  0 of 3       3 of 3
#   added 1000, removed 1001              1000 stays   1000 is removed
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund cuckoo-filter@1.1.4 cbor-js@0.1.0
cat >keep.cjs <<'JAVASCRIPT'
const { CuckooFilter } = require("cuckoo-filter");

const thousand = (toNumber) => Array.from({ length: 1000 }, (_, index) => toNumber(index));
const CASES = [
  [thousand((index) => 1000000 + 2 * index), thousand((index) => 1000001 + 2 * index)],
  [thousand((index) => index), thousand((index) => 1000 + index)],
  [[0.5], [0.25, -1, 7.5]],
];
for (const kind of [String, Number]) {
  for (const [numbers, others] of CASES) {
    const filter = new CuckooFilter(4096, 4, 4);
    const taken = numbers.filter((number) => filter.add(kind(number))).length;
    const found = others.filter((number) => filter.contains(kind(number))).length;
    console.log(kind.name, taken, found, "of", others.length);
  }
  const filter = new CuckooFilter(4096, 4, 4);
  filter.add(kind(1000));
  filter.remove(kind(1001));
  console.log(kind.name, filter.contains(kind(1000)));
}
JAVASCRIPT
node keep.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
String 1000 0 of 1000
String 1000 0 of 1000
String 1 0 of 3
String true
Number 996 1000 of 1000
Number 749 579 of 1000
Number 1 3 of 3
Number false
EXPECTED
echo "as described"
