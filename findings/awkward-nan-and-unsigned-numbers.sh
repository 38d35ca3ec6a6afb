#!/usr/bin/env bash
# awkward 2.14.0 reads JSON and computes the largest and the smallest value of nested lists.
# Expected: NaN is treated alike along an axis and over all values.  An unsigned number of 64 bits in JSON keeps its
# value, or is refused, or becomes a double, as a longer number does.
# Seen: `max` and `min` leave out NaN along an axis, and are NaN over all values, so that the maximum of the maxima is
# another than the maximum.  From JSON 2**64 - 1 becomes -1, without an error:
#   ak.max([[1, NaN, 3], [NaN, 1]], axis=1)   [3, 1]
#   ak.max([[1, NaN, 3], [NaN, 1]])           NaN
#   from_json [18446744073709551615]          -1
#   from_json [9223372036854775808]           -9223372036854775808
#   from_json [18446744073709551616]          1.8446744073709552e+19
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet awkward==2.14.0 numpy==2.4.6
cd "$folder"
cat >seen.py <<'PYTHON'
import awkward

NAN = float("nan")
times = awkward.Array([[1.0, NAN, 3.0], [NAN, 1.0]])
for name, largest in (("max", awkward.max), ("min", awkward.min)):
    print(name, largest(times, axis=1).tolist(), largest(times), largest(largest(times, axis=1)))
for text in ("[18446744073709551615]", "[9223372036854775808]", "[18446744073709551616]"):
    numbers = awkward.from_json(text)
    print(text, numbers.tolist()[0], numbers.type.content)
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
max [3.0, 1.0] nan 3.0
min [1.0, 1.0] nan 1.0
[18446744073709551615] -1 int64
[9223372036854775808] -9223372036854775808 int64
[18446744073709551616] 1.8446744073709552e+19 float64
EXPECTED
echo "as described"
