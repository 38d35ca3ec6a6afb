#!/usr/bin/env bash
# zstddec 0.3.4 (npm, for readers of columnar files in a browser) reads zstd files.  A frame of zstd names its length
# only if the writer knew it at the beginning; one that was written as a stream does not.
# Expected: decode() gives the text, as zstddec/stream does, or an error, which the documentation announces.
# Seen: decode() gives 16 MB of other bytes, almost all of them zeros, without an error, if one frame does not name its
# length.  They are the text if the caller knows the length:
#                               decode(file)   decode(file, length)   zstddec/stream
#   frame with its length       the text       the text               the text
#   frame without it            other bytes    the text               the text
#   one with, then one without  other bytes    the text               the text
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet zstandard==0.25.0
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund zstddec@0.3.4
venv/bin/python - <<'PYTHON'
from pathlib import Path

import zstandard

text = b'{"channel": "nightly"}\n' * 1000
stream = zstandard.ZstdCompressor().compressobj()
known = zstandard.ZstdCompressor().compress(text)
unknown = stream.compress(text) + stream.flush()
Path("known").write_bytes(known)
Path("unknown").write_bytes(unknown)
Path("both").write_bytes(known + unknown)
PYTHON
cat >seen.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { ZSTDDecoder } from "zstddec";
import { ZSTDDecoder as ZSTDStreamDecoder } from "zstddec/stream";

const ROWS = '{"channel": "nightly"}\n'.repeat(1000);
const [decoder, streamDecoder] = [new ZSTDDecoder(), new ZSTDStreamDecoder()];
await decoder.init();
await streamDecoder.init();
for (const [name, text] of [["known", ROWS], ["unknown", ROWS], ["both", ROWS + ROWS]]) {
  const file = readFileSync(name);
  const answers = [decoder.decode(file), decoder.decode(file, text.length), streamDecoder.decode(file)];
  console.log(name, ...answers.map((bytes) => (
    Buffer.from(bytes).toString("latin1") === text ? "text" : `${bytes.length >> 20}MB`
  )));
}
JAVASCRIPT
node seen.mjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
known text text text
unknown 16MB text text
both 16MB text text
EXPECTED
echo "as described"
