#!/usr/bin/env bash
# pandas 3.1.1: pd.Timedelta() and pd.to_timedelta() read durations of ISO 8601, as a ping or a query holds them.
# Expected: the duration, as pendulum 3.3.0 gives it, or an error for what pandas does not support, as for P1Y.
# Seen: pandas leaves out the point of a fraction of weeks, days, hours or minutes; the digits before it become days or
# seconds of their own, without an error.  A month is a minute.  In seconds:
#                 pandas    pendulum
#   PT1.5H         18001        5400
#   PT2.5M           302         150
#   P0.5D         432000       43200
#   P1.5W        3024001      907200
#   P1M               60     2592000
#   P1Y       ValueError    31536000
#   PT1.5S           1.5         1.5
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pandas==3.1.1 pendulum==3.3.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import pandas
import pendulum

WANTED = {
    "PT1.5H": (18001, 5400),
    "PT2.5M": (302, 150),
    "P0.5D": (432000, 43200),
    "P1.5W": (3024001, 907200),
    "P1M": (60, 2592000),
    "P1Y": ("ValueError", 31536000),
    "PT1.5S": (1.5, 1.5),
}


def read_by_pandas(text):
    try:
        seconds = pandas.Timedelta(text).total_seconds()
    except ValueError as error:
        return type(error).__name__
    assert pandas.to_timedelta(pandas.Series([text]))[0].total_seconds() == seconds
    return seconds


for text, wanted in WANTED.items():
    seen = (read_by_pandas(text), pendulum.parse(text).total_seconds())
    print(f"{text:<9} {seen[0]:>10} {seen[1]:>11}")
    assert seen == wanted, seen
PYTHON
echo "as described"
