#!/usr/bin/env bash
# lifelines 0.30.3 turns the dates of the first and the last ping of a client to durations by
# `datetimes_to_durations(freq=...)`, from which the curves of retention are made.
# Expected: from 1 January of one year to that of the next is one year, and from 1 February to 1 March one month.  A
# client who was lost before it came is an error in the data.
# Seen: months and years are the average ones, of 30.44 and 365.24 days, and what is left is cut.  A full year is 0
# years or 11 months, and February is 0 months.  A client whose end is before its start gets a negative duration:
#   2026-01-01 to 2027-01-01   freq="Y"   0
#   2026-01-01 to 2027-01-01   freq="M"   11
#   2026-02-01 to 2026-03-01   freq="M"   0
#   2026-03-03 to 2026-03-01   freq="D"   -2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet lifelines==0.30.3
cd "$folder"
cat >seen.py <<'PYTHON'
import warnings

warnings.simplefilter("ignore")

from lifelines.utils import datetimes_to_durations

for first, last, unit in (
    ("2026-01-01", "2027-01-01", "Y"),
    ("2024-01-01", "2025-01-01", "Y"),
    ("2026-01-01", "2027-01-01", "M"),
    ("2026-02-01", "2026-03-01", "M"),
    ("2026-01-01", "2026-02-01", "M"),
    ("2026-03-03", "2026-03-01", "D"),
):
    durations, events = datetimes_to_durations([first], [last], fill_date="2028-01-01", freq=unit)
    print(first, last, unit, int(durations[0]), bool(events[0]))
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
2026-01-01 2027-01-01 Y 0 True
2024-01-01 2025-01-01 Y 1 True
2026-01-01 2027-01-01 M 11 True
2026-02-01 2026-03-01 M 0 True
2026-01-01 2026-02-01 M 1 True
2026-03-03 2026-03-01 D -2 True
EXPECTED
echo "as described"
