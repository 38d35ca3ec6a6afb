#!/usr/bin/env bash
# ddsketch 3.0.1: a sketch that is written as protobuf and read back.
# Expected: the sketch that was written, or no average where the message has no sum.
# Seen: the sum, which the message has no field for, is 0 after reading, and so is the average, without an error.
# The count and the quantiles are right.  Keep the sum beside the message:
#   written    count 3  sum 60.0  average 20.0  median 19.9
#   read back  count 3  sum 0.0  average 0.0  median 19.9
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "ddsketch[serialization]==3.0.1"
"$folder/venv/bin/python" - <<'PYTHON'
from ddsketch import DDSketch
from ddsketch.pb.proto import DDSketchProto

written = DDSketch(relative_accuracy=0.01)
for load_ms in (10, 20, 30):
    written.add(load_ms)
read_back = DDSketchProto.from_proto(DDSketchProto.to_proto(written))
for name, sketch in (("written", written), ("read back", read_back)):
    median = sketch.get_quantile_value(0.5)
    print(f"{name:<10} count {sketch.count:.0f}  sum {sketch.sum}  average {sketch.avg}  median {median:.1f}")
assert (written.count, written.sum, written.avg) == (3, 60, 20)
assert (read_back.count, read_back.sum, read_back.avg) == (3, 0, 0)
assert abs(read_back.get_quantile_value(0.5) - 20) < 0.3
PYTHON
echo "as described"
