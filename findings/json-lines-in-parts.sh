#!/usr/bin/env bash
# Four libraries for JavaScript read a file of JSON lines as a stream, in parts of 64 KiB: ndjson 2.0.0, jsonlines
# 0.1.1, pull-ndjson 0.2.0 and ndjson-readablestream 1.4.0.
# Expected: texts are read as they were written, wherever a part ends, and a file that ends within an object is an
# error.
# Seen: jsonlines and pull-ndjson decode each part alone, so that a letter of several bytes at the end of a part is two
# or more times U+FFFD, without an error.  A file of ASCII, or one of less than 64 KiB, does not show it.
# ndjson-readablestream leaves out the rest of a file that was cut, without an error:
#                           wrong texts of 20,000   file cut within the last line
#   ndjson                  0                       error
#   jsonlines               2                       error
#   pull-ndjson             2                       error
#   ndjson-readablestream   0                       19,999 objects
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund ndjson@2.0.0 jsonlines@0.1.1 pull-ndjson@0.2.0 ndjson-readablestream@1.4.0 \
  >/dev/null
cat >seen.cjs <<'JAVASCRIPT'
const { createReadStream, truncateSync, writeFileSync } = require("fs");
const { Readable } = require("stream");
const jsonlines = require("jsonlines");
const ndjson = require("ndjson");
const pullNdjson = require("pull-ndjson");
const readable = require("ndjson-readablestream");

const NAME = "Νέα καρτέλα";
const FILE = "pings.jsonl";

function piped(parser) {
  return new Promise((resolve, reject) => {
    const objects = [];
    parser.on("data", (object) => objects.push(object));
    parser.on("end", () => resolve(objects));
    parser.on("error", reject);
    createReadStream(FILE).pipe(parser);
  });
}

async function pulled() {
  const parts = [];
  for await (const part of createReadStream(FILE)) parts.push(part);
  const source = (end, callback) => (end || parts.length === 0 ? callback(end || true) : callback(null, parts.shift()));
  const read = pullNdjson.parse()(source);
  const objects = [];
  for (;;) {
    const next = await new Promise((resolve, reject) => {
      read(null, (end, object) => (end === true ? resolve(null) : end ? reject(end) : resolve(object)));
    });
    if (next === null) return objects;
    objects.push(next);
  }
}

async function iterated() {
  const objects = [];
  const parse = readable.default?.default ?? readable.default ?? readable;
  for await (const object of parse(Readable.toWeb(createReadStream(FILE)))) objects.push(object);
  return objects;
}

const READERS = {
  ndjson: () => piped(ndjson.parse()),
  jsonlines: () => piped(jsonlines.parse()),
  "pull-ndjson": pulled,
  "ndjson-readablestream": iterated,
};

async function main() {
  const text = Array.from({ length: 20000 }, (_, id) => JSON.stringify({ id, name: NAME })).join("\n");
  for (const [name, read] of Object.entries(READERS)) {
    writeFileSync(FILE, text);
    const wrong = (await read()).filter((object) => object.name !== NAME).length;
    truncateSync(FILE, Buffer.byteLength(text) - 10);
    const cut = await read().then((objects) => objects.length, () => "error");
    console.log(`${name} | ${wrong} | ${cut}`);
  }
}

main();
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
ndjson | 0 | error
jsonlines | 2 | error
pull-ndjson | 2 | error
ndjson-readablestream | 0 | 19999
EXPECTED
echo "as described"
