#!/usr/bin/env bash
# PyArrow 26.0.1 tries to import dateutil for every plain Python number that it converts without a type, as in
# pa.scalar(5) or pc.add(column, 5).  Where dateutil is not installed (PyArrow does not require it), the failed
# import is repeated at each call and searches all of sys.path.  A number with its type starts no search.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys
import timeit

import pyarrow as pa
import pyarrow.compute as pc


class Searches:
    """Counts searches for dateutil, and finds no module."""

    count = 0

    def find_spec(self, name, path=None, target=None):
        self.count += name.partition(".")[0] == "dateutil"
        return None


searches = Searches()
sys.meta_path.insert(0, searches)
column = pa.array([1, 2, 3])
CALLS = 1000
found = {}
for name, call in {
    "pa.scalar(5)": lambda: pa.scalar(5),
    "pc.add(column, 5)": lambda: pc.add(column, 5),
    "pa.scalar(5, pa.int64())": lambda: pa.scalar(5, pa.int64()),
    "pc.add(column, pa.scalar(5, pa.int64()))": lambda: pc.add(column, pa.scalar(5, pa.int64())),
}.items():
    searches.count = 0
    seconds = timeit.timeit(call, number=CALLS)
    found[name] = searches.count
    print(f"{name}: {searches.count} searches in {CALLS} calls, {seconds / CALLS * 1e6:.1f} us a call")
assert list(found.values()) == [CALLS, CALLS, 0, 0], found
PYTHON
echo "as described"
