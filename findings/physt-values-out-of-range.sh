#!/usr/bin/env bash
# physt 0.11.0 (Python) makes histograms of start times.  Some times are out of the range of the bins.
# Expected: such times are counted as `missed`, as documented, wherever a histogram comes from, and the standard
# deviation does not depend on a common factor of the counts.
# Seen: JSON has the three numbers of times out of range, but a histogram that is read from it has none.  A histogram of
# two columns does not count the times that it was made with, only those that are filled in later.  Its statistics count
# times out of range if they come in an array, but not if they come alone.  A factor for the counts, as a sample needs
# one, changes the standard deviation:
#   missed: as made, and read from JSON                      3, 0
#   missed: two columns as made, and after one more          0, 1
#   mean: 1, 2, 3, then 100 alone, or in an array            2, 2, 26.5
#   standard deviation: 1, 2, 3, then counts by 10, by 0.1   0.816, 6.53, nan
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet physt==0.11.0 numpy==2.4.6
cd "$folder"
cat >seen.py <<'PYTHON'
import numpy
import physt
from physt.io import parse_json


def made():
    return physt.h1([1, 2, 3], 4, range=(0, 4))


histogram = physt.h1([1, 2, 3, 7, 8, -1], 4, range=(0, 4))
print("json", histogram.missed, parse_json(histogram.to_json()).missed)

pairs = physt.h2([1, 2, 9], [1, 2, 9], 4, range=((0, 4), (0, 4)))
before = pairs.missed
pairs.fill([9, 9])
print("two columns", before, pairs.missed)

alone, in_array = made(), made()
alone.fill(100)
in_array.fill_n([100])
print("mean", *(each.statistics.mean for each in (made(), alone, in_array)))
print("deviation", *(f"{(made() * factor).statistics.std:.3g}" for factor in (1, 10, 0.1)))
print("by hand", f"{numpy.std([1, 2, 3]):.3g}")
PYTHON
venv/bin/python seen.py 2>errors.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
json 3 0
two columns 0 1
mean 2.0 2.0 26.5
deviation 0.816 6.53 nan
by hand 0.816
EXPECTED
echo "as described"
