#!/usr/bin/env bash
# indexed_zstd 1.7.2 (PyPI) opens a zstd file of many frames for reading at any place.  A frame may be empty, as a
# writer makes one that is closed before it has written anything.
# Expected: read() gives all frames, as backports.zstd 1.8.0 does, and as many bytes as size() says.
# Seen: read(), read(n) and the loop over lines end before an empty frame, without an error.  After seek() to a place
# in a frame behind it they go on:
#   lines of the frames   backports.zstd   size()   read()   loop   read() from two lines before the end
#   2, 3                  5                5        5        5      2
#   2, 0, 3               5                5        2        2      2
#   0, 5                  5                5        0        0      2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet indexed_zstd==1.7.2 backports.zstd==1.8.0
cd "$folder"
cat >seen.py <<'PYTHON'
from pathlib import Path

from backports import zstd
from indexed_zstd import IndexedZstdFile

LINE = b"ping\n"
for frames in ([2, 3], [2, 0, 3], [0, 5]):
    data = b"".join(zstd.compress(LINE * lines) for lines in frames)
    Path("pings.zst").write_bytes(data)
    size = IndexedZstdFile("pings.zst").size()
    whole = IndexedZstdFile("pings.zst").read()
    lines = list(IndexedZstdFile("pings.zst"))
    last = IndexedZstdFile("pings.zst")
    last.seek(size - 2 * len(LINE))
    texts = [zstd.decompress(data), bytes(size), whole, b"".join(lines), last.read()]
    print(*frames, "lines:", *(len(text) // len(LINE) for text in texts))
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
2 3 lines: 5 5 5 5 2
2 0 3 lines: 5 5 2 2 2
0 5 lines: 5 5 0 0 2
EXPECTED
echo "as described"
