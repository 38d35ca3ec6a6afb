#!/usr/bin/env bash
# json-bigint 1.0.0 (npm) reads a ping, so that its long integers keep all digits.
# Expected: integers past 2**53 are BigInt or BigNumber, and fractions are numbers, as from JSON.parse().
# Seen: a number of more than 15 characters counts as a long integer, whatever its characters are.  With useNativeBigInt
# a fraction such as 0.1 + 0.2 makes the document unreadable.  Without it such a fraction is a BigNumber, an object to
# which + appends digits, so that a sum is another number, without an error:
#                                            useNativeBigInt            default
#   {"time": 0.1}                            0.1                        0.1
#   {"time": 0.30000000000000004}            SyntaxError                BigNumber
#   sum of 1 and that time                   -                          10.30000000000000004
#   {"count": 9007199254740993}              9007199254740993           9007199254740993
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund json-bigint@1.0.0 >/dev/null
cat > read.cjs <<'JAVASCRIPT'
const assert = require("assert");
const JSONbig = require("json-bigint");

const native = JSONbig({ useNativeBigInt: true });
const read = (parser, text) => {
  try {
    return Object.values(parser.parse(text))[0];
  } catch (error) {
    return error.name;
  }
};
const short = '{"time": 0.1}';
const long = JSON.stringify({ time: 0.1 + 0.2 }).replace(":", ": ");
const count = '{"count": 9007199254740993}';
const print = (name, first, second) => console.log(`${name.padEnd(40)} ${String(first).padEnd(26)} ${second}`);

print("", "useNativeBigInt", "default");
print(short, read(native, short), read(JSONbig, short));
const object = read(JSONbig, long);
print(long, read(native, long), object.constructor.name);
print("sum of 1 and that time", "-", 1 + object);
print(count, read(native, count), read(JSONbig, count));
assert.strictEqual(read(native, short), 0.1);
assert.strictEqual(read(JSONbig, short), 0.1);
assert.strictEqual(read(native, long), "SyntaxError");
assert.strictEqual(object.constructor.name, "BigNumber");
assert.strictEqual(1 + object, "10.30000000000000004");
assert.strictEqual(read(native, count), 9007199254740993n);
assert.strictEqual(String(read(JSONbig, count)), "9007199254740993");
JAVASCRIPT
node read.cjs
echo "as described"
