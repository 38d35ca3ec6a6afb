#!/usr/bin/env bash
# backports.zstd 1.8.0 (compression.zstd of Python 3.14): reading a file that has a frame for each record.
# Expected: the time depends on the number of bytes, and decompress() of data in memory is no slower than ZstdFile.
# Seen: decompress() copies all that follows a frame, for each frame.  Four times as many frames take about 15 times
# as long, so a file of 10 MB takes about ten seconds.  ZstdFile is linear, but both make a decompressor for each
# frame.  stream_reader() of zstandard 0.25.0 makes one for all frames, and takes a sixth of the time of ZstdFile.
# Frames of 340 bytes, CPU time (it differs from machine to machine):
#   decompress()     4,000 frames    0.20 s   16,000 frames    3.00 s
#   ZstdFile         4,000 frames    0.06 s   16,000 frames    0.20 s
#   stream_reader()  4,000 frames    0.01 s   16,000 frames    0.03 s
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet backports.zstd==1.8.0 zstandard==0.25.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import io
import os
import time

import zstandard
from backports import zstd

FEW, MANY = 4_000, 16_000


def stream_reader(data):
    return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()


def seconds(read, data):
    """Return the least CPU time of three reads."""
    times = []
    for _ in range(3):
        start = time.thread_time()
        read(data)
        times.append(time.thread_time() - start)
    return min(times)


record = os.urandom(300).hex().encode()
frame = zstd.compress(record)
assert zstd.decompress(frame * 3) == stream_reader(frame * 3) == record * 3
print(f"frames of {len(frame)} bytes")
taken = {}
for name, read in {
    "decompress()": zstd.decompress,
    "ZstdFile": lambda data: zstd.ZstdFile(io.BytesIO(data)).read(),
    "stream_reader()": stream_reader,
}.items():
    few, many = taken[name] = seconds(read, frame * FEW), seconds(read, frame * MANY)
    print(f"{name:<15}  {FEW:,} frames  {few:6.2f} s   {MANY:,} frames  {many:6.2f} s")
assert taken["decompress()"][1] > 8 * taken["decompress()"][0]
assert taken["ZstdFile"][1] < 8 * taken["ZstdFile"][0]
assert taken["decompress()"][1] > 3 * taken["ZstdFile"][1] > 6 * taken["stream_reader()"][1]
PYTHON
echo "as described"
