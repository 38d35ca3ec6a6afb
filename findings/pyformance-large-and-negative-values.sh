#!/usr/bin/env bash
# pyformance 0.4 (Python) describes values by a histogram, and its reporters send what dump_metrics() gives.
# Expected: the smallest and the largest value are among the values, and std_dev is that of Python's statistics.
# Seen: the smallest value is at most 2147483647 and the largest at least -2147483647, so that files of 3 GB and 4 GB
# have a minimum of 2 GB.  A mean of -1 stands for "no value so far": the deviation begins anew after it.  A histogram
# without a value gives both limits:
#   values                    expected: min, max, deviation          seen: min, max, deviation
#   3000000000, 4000000000    3000000000   4000000000  707106781.19  2147483647   4000000000   707106781.19
#   -3000000000, -4000000000  -4000000000  -3000000000 707106781.19  -4000000000  -2147483647  707106781.19
#   -1, 5, -1, 5              -1           5           3.46          -1           5            3.00
#   1, -3, 10                 -3           10          6.66          -3           10           0.00
#   none                                                             2147483647   -2147483647  0.00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
# pyformance needs pkg_resources, which later versions of setuptools have not.
"$folder/venv/bin/pip" install --quiet pyformance==0.4 setuptools==80.9.0
cd "$folder"
venv/bin/python -W ignore - >seen.txt <<'PYTHON'
from statistics import stdev

from pyformance import MetricsRegistry

CASES = {
    "large": [3_000_000_000, 4_000_000_000],
    "negative": [-3_000_000_000, -4_000_000_000],
    "from -1": [-1, 5, -1, 5],
    "over -1": [1, -3, 10],
    "none": [],
}
for name, values in CASES.items():
    registry = MetricsRegistry()
    histogram = registry.histogram(name)
    for value in values:
        histogram.add(value)
    seen = registry.dump_metrics()[name]
    expected = f"{min(values)} {max(values)} {stdev(values):.2f}" if values else "-"
    print(f"{name}: {expected}; {seen['min']:.0f} {seen['max']:.0f} {seen['std_dev']:.2f}")
PYTHON
cat seen.txt
diff seen.txt - <<'EXPECTED'
large: 3000000000 4000000000 707106781.19; 2147483647 4000000000 707106781.19
negative: -4000000000 -3000000000 707106781.19; -4000000000 -2147483647 707106781.19
from -1: -1 5 3.46; -1 5 3.00
over -1: -3 10 6.66; -3 10 0.00
none: -; 2147483647 -2147483647 0.00
EXPECTED
echo "as described"
