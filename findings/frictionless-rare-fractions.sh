#!/usr/bin/env bash
# frictionless 5.21.0 reads a CSV file of 100 clients and their times.  Five of the times are fractions, or one value
# in twenty is a text.
# Expected: the column has the type that all values fit, or the reading reports an error.
# Seen: a type is guessed that fits at least 90 % of the values, and the others are read as None, without an error, by
# `extract()` and `read_rows()`.  The sum lacks them.  Only `validate()` reports them:
#   column                      guessed    read as None   sum, of
#   95 times 10, 5 times 10.5   integer    5              950, 1002.5
#   95 times 115, 5 times 115a  integer    5              10925
#   85 times 10, 15 times 10.5  number     0              1007.5, 1007.5
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet frictionless==5.21.0
cd "$folder"
cat >seen.py <<'PYTHON'
from pathlib import Path

import frictionless

for usual, rare, number in (("10", "10.5", 5), ("115", "115a", 5), ("10", "10.5", 15)):
    values = [usual] * (100 - number) + [rare] * number
    lines = ["client,time", *(f"{client},{value}" for client, value in enumerate(values))]
    Path("pings.csv").write_text("\n".join(lines) + "\n")
    guessed = frictionless.describe("pings.csv").schema.get_field("time").type
    rows = frictionless.extract("pings.csv")["pings"]
    times = [row["time"] for row in rows]
    known = [time for time in times if time is not None]
    valid = frictionless.validate("pings.csv").valid
    print(f"{number} x {rare}: {guessed}, {len(times)} rows, {times.count(None)} None, sum {sum(known)}, valid {valid}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
5 x 10.5: integer, 100 rows, 5 None, sum 950, valid False
5 x 115a: integer, 100 rows, 5 None, sum 10925, valid False
15 x 10.5: number, 100 rows, 0 None, sum 1007.5, valid True
EXPECTED
echo "as described"
