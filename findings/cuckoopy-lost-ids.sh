#!/usr/bin/env bash
# cuckoopy 0.1.1 (Python) keeps ids in 10,000 buckets of four entries each, as in its documentation.
# Expected: an id that was added is found, as in every cuckoo filter, while no call says that the filter is full.  A
# filter that was pickled is the same filter in another process.
# Seen: from half full on ids are lost, without an error, because a filter that moves an entry twice keeps the new id
# twice, and the moved one not at all.  A pickled filter finds next to nothing in another process, because it uses
# Python's hash() of texts, which has another value in each process, as with the two seeds below:
#   ids    counted by len()  lost       lost in another process
#   10000  10000             0          about 10000
#   24000  24000             about 80   about 24000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet cuckoopy==0.1.1
cd "$folder"
cat >keep.py <<'PYTHON'
import pickle
import sys

from cuckoopy import CuckooFilter

for clients in (10000, 24000):
    keeper = CuckooFilter(capacity=10000, bucket_size=4, fingerprint_size=4)
    ids = [f"client-{number}" for number in range(clients)]
    # A full filter is an exception.
    assert all([keeper.insert(client) for client in ids])
    lost = sum(not keeper.contains(client) for client in ids)
    print(clients, lost, file=sys.stderr)
    print(clients, len(keeper), "none lost" if lost == 0 else "some lost")
with open("filter.pickle", "wb") as file:
    pickle.dump(keeper, file)
PYTHON
cat >find.py <<'PYTHON'
import pickle

with open("filter.pickle", "rb") as file:
    keeper = pickle.load(file)
lost = sum(not keeper.contains(f"client-{number}") for number in range(24000))
print("another process:", "nearly all lost" if lost > 23000 else lost)
PYTHON
PYTHONHASHSEED=1 venv/bin/python keep.py >seen.txt
PYTHONHASHSEED=2 venv/bin/python find.py >>seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
10000 10000 none lost
24000 24000 some lost
another process: nearly all lost
EXPECTED
echo "as described"
