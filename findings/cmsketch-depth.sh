#!/usr/bin/env bash
# cmsketch 0.1.11 (Python) counts pages in a sketch of some columns ("width") for each of some hash functions
# ("depth").  It says that a greater depth is more accurate.  It has a class in C++ and one in Python with the same
# algorithm.
# Expected: with 50,000 columns and five hash functions the counts of 5,000 pages are exact but for very few, as those
# of pyprobables 0.7.0 are.  Both classes count alike.
# Seen: two texts that collide by one hash function often collide by all, so that a greater depth helps little in C++
# and not at all in Python.  With 1,024 columns nearly all counts are too large.  The two classes count differently:
#   columns  functions  pages  too large: C++  Python  pyprobables
#   50000    1          5000              891    2659          322
#   50000    5          5000              255    2161            0
#   50000    10         5000              140    2161            0
#   1024     5          1000              861    1000           72
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet cmsketch==0.1.11 pyprobables==0.7.0
cd "$folder"
venv/bin/python - >seen.txt <<'PYTHON'
from cmsketch import CountMinSketchStr, PyCountMinSketchStr
from probables import CountMinSketch

for width, depth, number in ((50000, 1, 5000), (50000, 5, 5000), (50000, 10, 5000), (1024, 5, 1000)):
    pages = [f"page-{index}" for index in range(number)]
    too_large = []
    for sketch in (CountMinSketchStr(width, depth), PyCountMinSketchStr(width, depth)):
        for page in pages:
            sketch.insert(page)
        too_large.append(sum(sketch.count(page) > 1 for page in pages))
    sketch = CountMinSketch(width=width, depth=depth)
    for page in pages:
        sketch.add(page)
    too_large.append(sum(sketch.check(page) > 1 for page in pages))
    print(width, depth, number, *too_large)
PYTHON
cat seen.txt
diff seen.txt - <<'EXPECTED'
50000 1 5000 891 2659 322
50000 5 5000 255 2161 0
50000 10 5000 140 2161 0
1024 5 1000 861 1000 72
EXPECTED
echo "as described"
