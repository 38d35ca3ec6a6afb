#!/usr/bin/env bash
# appmetrics 0.5.0 (Python) describes values by a histogram and events by a meter.
# Expected: the geometric mean is that of Python's statistics.  The rate of a meter is the number of events a second.
# Seen: the geometric mean is computed from the product of all values, which is infinite for 200 times of 50 ms and 0
# for 300 times of 0.05 s.  A 0 counts as 2.718 there.  A harmonic mean leaves it out, so that it is above each value.
# A meter takes the events since its last turn for those of five seconds, so that the rate is twice as high if one event
# comes each 9.9 s.  It takes no fractions, though its count does.  None of this is an error:
#                                        expected   seen
#   geometric mean, 200 times 50          50         inf
#   geometric mean, 300 times 0.05        0.05       0.0
#   geometric mean, 0 and 4               0          3.297
#   harmonic mean, 5 times 0 and 100      0          200
#   one event each 5 s, rate of 15 min    0.20       0.20
#   one event each 6 s                    0.17       0.20
#   one event each 9.9 s                  0.10       0.20
#   0.5 each second                       0.5        0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet appmetrics==0.5.0
cd "$folder"
venv/bin/python -W ignore - >seen.txt <<'PYTHON'
from statistics import mean
from unittest import mock

from appmetrics import metrics

CASES = {"50 ms": [50] * 200, "0.05 s": [0.05] * 300, "zero": [0, 4], "zeros": [0] * 5 + [100] * 5}
for name, values in CASES.items():
    metrics.new_histogram(name)
    for value in values:
        metrics.notify(name, value)
    seen = metrics.get(name)
    means = f"{seen['geometric_mean']:.3f}, {seen['harmonic_mean']:.3f}, {seen['arithmetic_mean']:.3f}"
    print(f"{name}: {means}, largest {max(values)}, mean {mean(values):.3f}")

seconds = 1_000_000_000.0
with mock.patch("time.time", lambda: seconds):
    for pause, count in ((5, 1), (6, 1), (9.9, 1), (1, 0.5)):
        name = f"{count} each {pause} s"
        metrics.new_meter(name)
        for _ in range(5000):
            seconds += pause
            metrics.notify(name, count)
        seen = metrics.get(name)
        print(f"{name}: {seen['mean']:.2f}, 15 minutes {seen['fifteen']:.2f}")
PYTHON
cat seen.txt
diff seen.txt - <<'EXPECTED'
50 ms: inf, 50.000, 50.000, largest 50, mean 50.000
0.05 s: 0.000, 0.050, 0.050, largest 0.05, mean 0.050
zero: 3.297, 8.000, 2.000, largest 4, mean 2.000
zeros: 16.487, 200.000, 50.000, largest 100, mean 50.000
1 each 5 s: 0.20, 15 minutes 0.20
1 each 6 s: 0.17, 15 minutes 0.20
1 each 9.9 s: 0.10, 15 minutes 0.20
0.5 each 1 s: 0.50, 15 minutes 0.00
EXPECTED
echo "as described"
