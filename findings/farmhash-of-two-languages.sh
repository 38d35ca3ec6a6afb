#!/usr/bin/env bash
# farmhash-modern 1.1.0 (npm, of Rust) and farmhash 5.0.1 (npm, of C++) compute FarmHash's fingerprints of texts.  The
# README.md of the first says that its `bigqueryFingerprint` is BigQuery's FARM_FINGERPRINT.
# Expected: the same fingerprints, as both say that they do not depend on the platform or the version, so that clients
# that are sampled by a fingerprint in Node.js are those that BigQuery chooses.
# Seen: they differ for each text whose length is a multiple of 64 bytes, from 128 bytes on, without an error.
# farmhashpy for Python gives those of C++:
#   bytes   fingerprint64 of farmhash-modern   of farmhash
#      64   18366880019007039744               18366880019007039744
#     127   15724029601025302412               15724029601025302412
#     128   14235059308909273835               11626630539973184317
#     129   738038763640019899                 738038763640019899
#   lengths below 1,400 whose bigqueryFingerprint is not that of C++: 128, 192, 256, ... 1344
#   lengths below 1,400 whose fingerprint32 differs: none
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund farmhash-modern@1.1.0 farmhash@5.0.1
cat >seen.js <<'JAVASCRIPT'
const modern = require("farmhash-modern");
const farmhash = require("farmhash");
const ofLength = (length) => "0123456789abcdef".repeat(length / 16 + 1).slice(0, length);
for (const length of [64, 127, 128, 129]) {
  const text = ofLength(length);
  console.log(length, String(modern.fingerprint64(text)), String(farmhash.fingerprint64(text)));
}
const signed = (text) => BigInt.asIntN(64, farmhash.fingerprint64(text));
const texts = [...Array(1400).keys()].map(ofLength);
const other64 = texts.filter((text) => modern.bigqueryFingerprint(text) !== signed(text));
const other32 = texts.filter((text) => modern.fingerprint32(text) !== farmhash.fingerprint32(text));
console.log(other64.map((text) => text.length).join(" "));
console.log(other32.length);
JAVASCRIPT
node seen.js | tee seen.txt
diff seen.txt - <<'EXPECTED'
64 18366880019007039744 18366880019007039744
127 15724029601025302412 15724029601025302412
128 14235059308909273835 11626630539973184317
129 738038763640019899 738038763640019899
128 192 256 320 384 448 512 576 640 704 768 832 896 960 1024 1088 1152 1216 1280 1344
0
EXPECTED
echo "as described"
