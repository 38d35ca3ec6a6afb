#!/usr/bin/env bash
# petl 1.7.30 joins, groups and compares tables whose key is a version as a number, which is NaN in one row.
# Expected: the rows with NaN find no partner, and all other rows do, in whatever order they come.
# Seen: petl sorts both tables first.  NaN leaves its table unsorted, so that rows are not found that are there, one
# group is given twice, and `complement()` names rows that both tables have.  hashjoin() finds them all:
#   left                    3, NaN, 1, 2
#   right                   1, 2, 3
#   join                    3
#   hashjoin                3, 1, 2
#   leftjoin                3, and nothing beside 1 and 2
#   complement              NaN, 1, 2
#   groups of 115, NaN, 116, 115, 116, NaN, 115:
#   115 with one row, NaN, 115 with two rows, 116 with two, NaN
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet petl==1.7.30
cd "$folder"
cat >seen.py <<'PYTHON'
import petl

NAN = float("nan")
left = [["version"], [3.0], [NAN], [1.0], [2.0]]
right = [["version", "name"], [1.0, "one"], [2.0, "two"], [3.0, "three"]]
print("join", petl.data(petl.join(left, right, key="version")).list())
print("hashjoin", petl.data(petl.hashjoin(left, right, key="version")).list())
print("leftjoin", petl.data(petl.leftjoin(left, right, key="version")).list())
print("complement", petl.data(petl.complement(left, petl.cut(right, "version"))).list())
pings = [["version"], [115.0], [NAN], [116.0], [115.0], [116.0], [NAN], [115.0]]
print("groups", petl.data(petl.aggregate(pings, "version", len)).list())
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
join [(3.0, 'three')]
hashjoin [(3.0, 'three'), (1.0, 'one'), (2.0, 'two')]
leftjoin [(3.0, 'three'), (nan, None), (1.0, None), (2.0, None)]
complement [(nan,), (1.0,), (2.0,)]
groups [(115.0, 1), (nan, 1), (115.0, 2), (116.0, 2), (nan, 1)]
EXPECTED
echo "as described"
