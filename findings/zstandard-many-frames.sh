#!/usr/bin/env bash
# A zstd file may hold many frames (RFC 8878).  Of two Python packages, backports.zstd
# 1.8.0 (compression.zstd of Python 3.14) reads all frames, and so does stream_reader() of zstandard 0.25.0, but
# its decompress() returns the first frame and reports nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet zstandard==0.25.0 backports.zstd==1.8.0
"$folder/venv/bin/python" - <<'PYTHON'
import io

import zstandard
from backports import zstd

data = zstd.compress(b"first,") + zstd.compress(b"second")
seen = {
    "zstandard decompress()": zstandard.ZstdDecompressor().decompress(data),
    "zstandard stream_reader()": zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read(),
    "backports.zstd decompress()": zstd.decompress(data),
}
for name, text in seen.items():
    print(f"{name:<30} {text}")
assert seen["zstandard decompress()"] == b"first,"
assert seen["zstandard stream_reader()"] == b"first,second"
assert seen["backports.zstd decompress()"] == b"first,second"
PYTHON
echo "as described"
