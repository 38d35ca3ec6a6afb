#!/usr/bin/env bash
# srsly 2.5.6 (PyPI) reads and writes JSON and JSON lines.
# Expected: a fraction is read and written as the json module of Python does, so that it comes back as it was.
# Seen: json_dumps() and write_jsonl() keep ten digits after the point, also of a small number, unless keys are sorted.
# json_loads() and read_jsonl() give another number for nine of ten fractions.  A time is written without its fraction:
#                                   json                  srsly
#   dumps(1 / 3)                    0.3333333333333333    0.3333333333
#   dumps(2e-11)                    2e-11                 0.0
#   dumps(0.99999999999)            0.99999999999         1.0
#   loads("0.7579544029403025")     0.7579544029403025    0.757954402940302
#   loads("5e-324")                 5e-324                0.0
#   changed by loads, of 10,000     0                     9217
#   dumps(0.5 s after 1970 began)   TypeError             0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet srsly==2.5.6
cd "$folder"
cat >seen.py <<'PYTHON'
import json
import random
from datetime import datetime, timedelta, timezone

import srsly

for number in (1 / 3, 2e-11, 0.99999999999):
    print("dumps", json.dumps(number), srsly.json_dumps(number))
print("dumps, sorted", srsly.json_dumps({"share": 1 / 3}, sort_keys=True))
for text in ("0.7579544029403025", "5e-324"):
    print("loads", json.loads(text), srsly.json_loads(text))
random.seed(0)
texts = [json.dumps(random.random()) for _ in range(10000)]
print("changed", sum(srsly.json_loads(text) != json.loads(text) for text in texts))
print("time", srsly.json_dumps(datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=0.5)))
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
dumps 0.3333333333333333 0.3333333333
dumps 2e-11 0.0
dumps 0.99999999999 1.0
dumps, sorted {"share":0.3333333333333333}
loads 0.7579544029403025 0.757954402940302
loads 5e-324 0.0
changed 9217
time 0
EXPECTED
echo "as described"
