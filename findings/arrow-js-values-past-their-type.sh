#!/usr/bin/env bash
# apache-arrow 21.2.0 (JavaScript) makes a column of a list of values by `vectorFromArray()`.
# Expected: a value that the type cannot hold is an error, as in PyArrow.  A dictionary grows its index, or is an error.
# Seen: there is no error.  A dictionary with an index of 8 bits gives other texts from the 129th on.  A float of 16
# bits is 2.13 for 70000, and negative infinity for a very small number.  Whole numbers wrap, or are cut.  A large
# BigInt without a type is negative:
#   300 channels, Dictionary(Utf8, Int8)   the 131st is empty, the 257th is the 1st, the 300th is the 44th
#   70000 and 1e-8, Float16                2.134765625 and -Infinity
#   3000000000 and 1.9, Int32              -1294967296 and 1
#   NaN, Int32                             0
#   300 and -1, Uint8                      44 and 255
#   -5n, Uint64                            18446744073709551611
#   2n ** 64n - 1n                         -1
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund apache-arrow@21.2.0 >/dev/null
cat >seen.mjs <<'JAVASCRIPT'
import { Dictionary, Float16, Int32, Int8, Uint64, Uint8, Utf8, vectorFromArray } from "apache-arrow";

const show = (name, values) => console.log(`${name} | ${values.map((value) => String(value) || "empty").join(", ")}`);
const names = Array.from({ length: 300 }, (_, index) => `channel ${index + 1}`);
const channels = vectorFromArray(names, new Dictionary(new Utf8(), new Int8()));
show("dictionary", [1, 128, 131, 257, 300].map((place) => channels.get(place - 1)));
show("Float16", [...vectorFromArray([1.5, 70000, 1e-8], new Float16())]);
show("Int32", [...vectorFromArray([5, 3000000000, 1.9, Number.NaN], new Int32())]);
show("Uint8", [...vectorFromArray([300, -1], new Uint8())]);
show("Uint64", [...vectorFromArray([-5n], new Uint64())]);
show("no type", [...vectorFromArray([5n, 2n ** 64n - 1n])]);
JAVASCRIPT
node seen.mjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
dictionary | channel 1, channel 128, empty, channel 1, channel 44
Float16 | 1.5, 2.134765625, -Infinity
Int32 | 5, -1294967296, 1, 0
Uint8 | 44, 255
Uint64 | 18446744073709551611
no type | 5, -1
EXPECTED
echo "as described"
