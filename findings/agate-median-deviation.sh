#!/usr/bin/env bash
# agate 1.14.2 (the library behind csvkit) computes the median absolute deviation of the start times of some clients
# by `MAD`, and bins by `bins()`.
# Expected: MAD is the median of the distances to the median, as its documentation says, here as computed by Python's
# statistics.  The label of a bin says which values are in it.
# Seen: MAD takes the middle of the distances without sorting them.  It is 0 or nearly 0 for sorted values, and another
# number for another order of the same rows.  The last bin gets the greatest value as its label, whatever `end` is, and
# the values past `end`:
#   1 2 3 4 100   MAD 0     statistics 1
#   100 1 2 3 4   MAD 0     statistics 1
#   1 to 100      MAD 0.5   statistics 25.0
#   bins of 0, 0, 1, 2, 5, 10 and 100, five between 0 and 10:
#   [0 - 2) 3, [2 - 4) 1, [4 - 6) 1, [8 - 100] 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet agate==1.14.2
cd "$folder"
cat >seen.py <<'PYTHON'
import statistics

import agate


def table_of(numbers):
    return agate.Table([[number] for number in numbers], ["time"], [agate.Number()])


def deviation(numbers):
    middle = statistics.median(numbers)
    return statistics.median([abs(number - middle) for number in numbers])


SERIES = {
    "1 2 3 4 100": [1, 2, 3, 4, 100],
    "100 1 2 3 4": [100, 1, 2, 3, 4],
    "1 1 2 2 4 6 9": [1, 1, 2, 2, 4, 6, 9],
    "1 to 100": range(1, 101),
}
for name, numbers in SERIES.items():
    print(name, table_of(numbers).aggregate(agate.MAD("time")), deviation(numbers))
for row in table_of([0, 0, 1, 2, 5, 10, 100]).bins("time", 5, 0, 10).rows:
    print(row["time"], row["Count"])
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
1 2 3 4 100 0 1
100 1 2 3 4 0 1
1 1 2 2 4 6 9 0 1
1 to 100 0.5 25.0
[0 - 2) 3
[2 - 4) 1
[4 - 6) 1
[8 - 100] 2
EXPECTED
echo "as described"
