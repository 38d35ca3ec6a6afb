#!/usr/bin/env bash
# ddsketch 3.0.1: add(value, weight) takes a fraction, such as 1/n for each of a client's n samples.
# Expected: quantiles of the weighted samples, whatever the weights sum to.
# Seen: the rank is q * (sum of weights - 1), so the same samples give other quantiles when all weights are scaled
# by one factor, and a sum below 1 gives a negative value although every sample is positive:
#   weight 1      sum 1000.0  median  497.78  p99  982.58
#   weight 0.002  sum    2.0  median  252.18  p99  497.78
#   weight 0.0005 sum    0.5  median   -0.99  p99   -0.99
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ddsketch==3.0.1
"$folder/venv/bin/python" - <<'PYTHON'
from ddsketch import DDSketch

p99 = {}
for weight in (1, 0.002, 0.0005):
    sketch = DDSketch(relative_accuracy=0.01)
    for value in range(1, 1001):
        sketch.add(value, weight)
    median, p99[weight] = (sketch.get_quantile_value(quantile) for quantile in (0.5, 0.99))
    print(f"weight {weight:<6} sum {sketch.count:>6.1f}  median {median:>7.2f}  p99 {p99[weight]:>7.2f}")
assert 980 < p99[1] < 1000
assert 400 < p99[0.002] < 600
assert p99[0.0005] < 0
PYTHON
echo "as described"
