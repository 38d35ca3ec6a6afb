#!/usr/bin/env bash
# diffprivlib 0.6.6 (Python) gives quantiles with differential privacy: some noise hides the single client.
# Each row is the median of 1,000 clients, computed 200 times with epsilon 1 and bounds from 0 to 100.
# Expected: results near the true median, as 1,000 clients are many, and as near for equal values as for values that
# differ by less than 0.001.
# Seen: of equal values, or where 90 % are zero, any number between the bounds is seen, as the result is drawn between
# two different values or bounds.  Of counts of 1, 2 and 3 tabs the median is anywhere from 1 to 3:
#   1,000 times 3:                               true 3.0, seen 1.5 to 98.3, mean 49.4
#   1,000 times 3, with less than 0.001 added:   true 3.0, seen 3.0 to 3.0, mean 3.0
#   90 % zeros:                                  true 0.0, seen 0.2 to 98.2, mean 49.0
#   90 % zeros, with less than 0.001 added:      true 0.0, seen 0.0 to 0.0, mean 0.0
#   tabs: 1, 2 or 3:                             true 2.0, seen 1.0 to 3.0, mean 2.0
#   tabs: 1, 2 or 3, with less than 0.001 added: true 2.0, seen 2.0 to 2.0, mean 2.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet diffprivlib==0.6.6 scikit-learn==1.6.1 numpy==2.4.6 scipy==1.17.1
cd "$folder"
cat >seen.py <<'PYTHON'
import numpy
from diffprivlib.tools import median

COUNT = 1000
JITTER = numpy.arange(COUNT) / COUNT / 1000
TABS = numpy.array([1] * 300 + [2] * 400 + [3] * 300)
ZEROS = numpy.array([0] * 900 + [100] * 100)
CASES = {
    "1,000 times 3": numpy.full(COUNT, 3.0),
    "1,000 times 3, with less than 0.001 added": 3 + JITTER,
    "90 % zeros": ZEROS,
    "90 % zeros, with less than 0.001 added": numpy.clip(ZEROS + JITTER, 0, 100),
    "tabs: 1, 2 or 3": TABS,
    "tabs: 1, 2 or 3, with less than 0.001 added": TABS + JITTER,
}
for name, values in CASES.items():
    seen = [float(median(values, epsilon=1, bounds=(0, 100), random_state=seed)) for seed in range(200)]
    limits = f"{min(seen):.1f} to {max(seen):.1f}, mean {numpy.mean(seen):.1f}"
    print(f"{name + ':':44} true {numpy.median(values):.1f}, seen {limits}")
PYTHON
venv/bin/python -W ignore seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
1,000 times 3:                               true 3.0, seen 1.5 to 98.3, mean 49.4
1,000 times 3, with less than 0.001 added:   true 3.0, seen 3.0 to 3.0, mean 3.0
90 % zeros:                                  true 0.0, seen 0.2 to 98.2, mean 49.0
90 % zeros, with less than 0.001 added:      true 0.0, seen 0.0 to 0.0, mean 0.0
tabs: 1, 2 or 3:                             true 2.0, seen 1.0 to 3.0, mean 2.0
tabs: 1, 2 or 3, with less than 0.001 added: true 2.0, seen 2.0 to 2.0, mean 2.0
EXPECTED
echo "as described"
