#!/usr/bin/env bash
# mozdetect 0.2.0 (PyPI, of Mozilla) adds the histograms of seven days to one, in which its detector looks for changes.
# There are 100 samples a day, of the values 0, 1, 2, 4 and 8.  The third day has no 0, or the first day has no 8.
# Expected: the histogram of the week has each value as often as the seven days together.
# Seen: get_multiday_average() adds the counts of a day by their position, not by their bucket, without an error.
# The counts of the day without 0 come to the buckets before theirs, and the last bucket becomes NaN.  A bucket that the
# first day has not is lost for good, also in the weeks after it:
#   (seen/expected)
#   none without 2026-11-01 0:70/70 1:140/140 2:280/280 4:140/140 8:70/70
#   third without 0 2026-11-01 0:80.0/60 1:170.0/140 2:260.0/290 4:130.0/140 8:nan/70
#   first without 8 2026-11-01 0:70.0/70 1:140.0/140 2:290.0/290 4:140.0/140 8:-/60
#   first without 8 2026-11-02 0:70.0/70 1:140.0/140 2:280.0/280 4:140.0/140 8:-/70
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps mozdetect==0.2.0
"$folder/venv/bin/pip" install --quiet pandas==3.1.1 scipy==1.17.1 prettytable==3.18.0 matplotlib==3.11.2 \
  google-cloud-bigquery==3.47.0
cd "$folder"
cat >seen.py <<'PYTHON'
import json
from collections import Counter

import pandas
from mozdetect import TelemetryTimeSeries

DAY = {"0": 10, "1": 20, "2": 40, "4": 20, "8": 10}


def without(bucket):
    kept = {name: count for name, count in DAY.items() if name != bucket}
    return kept | {"2": DAY["2"] + DAY[bucket]}


def print_weeks(title, days):
    rows = [(f"202611{number:02}093000", json.dumps(day)) for number, day in enumerate(days, 1)]
    series = TelemetryTimeSeries(pandas.DataFrame(rows, columns=["build_id", "non_norm_histogram"]))
    series.get_cumulative_by_day()
    weeks = series.get_multiday_average(days=7)
    for date, week in sorted(weeks.groupby("date")):
        start = date.day - 1
        expected = sum((Counter(day) for day in days[start : start + 7]), Counter())
        seen = dict(zip(week["bin"].astype(str), week["count"], strict=True))
        print(title, date, *(f"{name}:{seen.get(name, '-')}/{expected[name]}" for name in DAY))


print("(seen/expected)")
print_weeks("none without", [DAY] * 7)
print_weeks("third without 0", [DAY] * 2 + [without("0")] + [DAY] * 4)
print_weeks("first without 8", [without("8")] + [DAY] * 7)
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
(seen/expected)
none without 2026-11-01 0:70/70 1:140/140 2:280/280 4:140/140 8:70/70
third without 0 2026-11-01 0:80.0/60 1:170.0/140 2:260.0/290 4:130.0/140 8:nan/70
first without 8 2026-11-01 0:70.0/70 1:140.0/140 2:290.0/290 4:140.0/140 8:-/60
first without 8 2026-11-02 0:70.0/70 1:140.0/140 2:280.0/280 4:140.0/140 8:-/70
EXPECTED
echo "as described"
