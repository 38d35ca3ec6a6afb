#!/usr/bin/env bash
# big-json 3.2.0 (npm) parses JSON that is too long for one string, by parse() and by createParseStream().
# Expected: the values that JSON.parse() gives.
# Seen: a null of the outermost object is left out, and one of the outermost list is a hole that forEach() passes over,
# but an inner null is kept.  A whole number of more than 15 digits that is not exact as a double is a text:
#                                JSON.parse()                    big-json
#   {"a": null, "b": 1}          {"a": null, "b": 1}             {"b": 1}
#   {"a": {"b": null}}           {"a": {"b": null}}              {"a": {"b": null}}
#   [1, null, 2]                 [1, null, 2]                    [1, a hole, 2]
#   {"n": 9007199254740993}      {"n": 9007199254740992}         {"n": "9007199254740993"}
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund big-json@3.2.0
cat >seen.cjs <<'JAVASCRIPT'
const { Readable } = require("stream");
const { inspect } = require("util");
const { createParseStream, parse } = require("big-json");

const TEXTS = ['{"a": null, "b": 1}', '{"a": {"b": null}}', "[1, null, 2]", '{"n": 9007199254740993}'];

function parseInParts(text) {
  return new Promise((resolve, reject) => {
    const stream = createParseStream();
    stream.on("data", resolve).on("error", reject);
    Readable.from([Buffer.from(text)]).pipe(stream);
  });
}

async function main() {
  for (const text of TEXTS) {
    const answers = [JSON.parse(text), await parseInParts(text), await parse({ body: text })];
    console.log(...answers.map((answer) => inspect(answer).replaceAll(/\s+/g, "")));
  }
}

main();
JAVASCRIPT
node seen.cjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
{a:null,b:1} {b:1} {b:1}
{a:{b:null}} {a:{b:null}} {a:{b:null}}
[1,null,2] [1,<1emptyitem>,2] [1,<1emptyitem>,2]
{n:9007199254740992} {n:'9007199254740993'} {n:'9007199254740993'}
EXPECTED
echo "as described"
