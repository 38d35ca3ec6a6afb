#!/usr/bin/env bash
# hdr-histogram-js 3.0.1 reads a histogram that hdrhistogram 0.10.8 (Python) has encoded, in which one value has a count
# past 32 bits, as sums of many machines have.
# Expected: the same counts, or an error; buckets of 64 bits hold them.
# Seen: the count keeps its low 32 bits only, without an error, so that 2**33 samples of 5 are gone and the median is
# another.  That is so for the default, and for WebAssembly with buckets of 64 bits too.  Without WebAssembly, buckets
# of 64 bits give the right counts:
#                             samples  median   p99
#   Python                 8589935592       5     5
#   32 bits                      1000     900   900
#   64 bits                8589935592       5     5
#   WebAssembly, 64 bits         1000     900   900
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet hdrhistogram==0.10.8
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund hdr-histogram-js@3.0.1 >/dev/null
cat > encode.py <<'PYTHON'
from hdrh.histogram import HdrHistogram

histogram = HdrHistogram(1, 1_000_000, 3)
histogram.record_value(5, 2**33)
histogram.record_value(900, 1_000)
print(histogram.encode().decode())
again = HdrHistogram.decode(histogram.encode())
median, p99 = (again.get_value_at_percentile(percentile) for percentile in (50, 99))
with open("python.txt", "w") as seen:
    print(f"{'Python':<20} {again.total_count:>12} {median:>7} {p99:>5}", file=seen)
PYTHON
cat > decode.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import hdr from "hdr-histogram-js";

await hdr.initWebAssembly();
const encoded = readFileSync("histogram.txt", "utf8").trim();
for (const [name, bits, webAssembly] of [
  ["32 bits", 32, false], ["64 bits", 64, false], ["WebAssembly, 64 bits", 64, true],
]) {
  const read = hdr.decodeFromCompressedBase64(encoded, bits, webAssembly);
  const [median, p99] = [50, 99].map((percentile) => read.getValueAtPercentile(percentile));
  const numbers = [String(read.totalCount).padStart(12), String(median).padStart(7), String(p99).padStart(5)];
  console.log(name.padEnd(20), ...numbers);
}
JAVASCRIPT
venv/bin/python encode.py > histogram.txt
{ cat python.txt; node decode.mjs; } | tee seen.txt
diff seen.txt - <<'EXPECTED'
Python                 8589935592       5     5
32 bits                      1000     900   900
64 bits                8589935592       5     5
WebAssembly, 64 bits         1000     900   900
EXPECTED
echo "as described"
