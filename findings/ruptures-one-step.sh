#!/usr/bin/env bash
# ruptures 1.1.10 searches the point at which a series changes: 47 values of 0, then 53 of 10.
# Expected: one change, near 47.  A series with one NaN is refused, or NaN is skipped.
# Seen: Pelt finds two changes, at 45 and 50: it looks at each fifth point alone, and two wrong values cost more than
# a change.  Window finds none, though one is asked for, as the series is not longer than its width.  After one NaN
# Pelt finds a change at each fifth point from there on, and Binseg and Dynp find one at 5, without an error:
#   method         47 times 0, 53 times 10   with NaN at 20
#   Pelt           45, 50                    25, 30, 35 and so on to 95
#   Binseg, Dynp   45                        5
#   Window         none                      none
#   Pelt, jump=1   47                        20, 22, 24 and so on
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ruptures==1.1.10 numpy==2.4.6
cd "$folder"
cat >seen.py <<'PYTHON'
import warnings

import numpy
import ruptures

warnings.simplefilter("ignore")
step = numpy.r_[numpy.zeros(47), numpy.full(53, 10.0)]
absent = step.copy()
absent[20] = numpy.nan
for name, values in (("step", step), ("with NaN", absent)):
    print(name, "Pelt", ruptures.Pelt(model="l2").fit(values).predict(pen=10)[:-1])
    for method in (ruptures.Binseg, ruptures.Dynp, ruptures.BottomUp, ruptures.Window):
        print(name, method.__name__, method(model="l2").fit(values).predict(n_bkps=1)[:-1])
    print(name, "Pelt, jump=1", ruptures.Pelt(model="l2", jump=1).fit(values).predict(pen=10)[:-1][:3])
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
step Pelt [45, 50]
step Binseg [45]
step Dynp [45]
step BottomUp [45]
step Window []
step Pelt, jump=1 [47]
with NaN Pelt [25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95]
with NaN Binseg [5]
with NaN Dynp [5]
with NaN BottomUp [45]
with NaN Window []
with NaN Pelt, jump=1 [20, 22, 24]
EXPECTED
echo "as described"
