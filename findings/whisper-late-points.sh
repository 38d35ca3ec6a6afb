#!/usr/bin/env bash
# whisper 1.1.10 (Python), the files of Graphite, keeps minutes for a day, hours for a week.  It gets a point for each
# minute of an hour, once in that hour, and once two days later, as from clients that were without a network.
# Expected: the hour has the sum, the mean or the largest of its points, as the file says, in both cases.
# Seen: of points that are too late for the minutes, the hour keeps the last alone, in whichever way it aggregates, by
# `update()` as by `update_many()`.  There is no error:
#   aggregation  points           in that hour  two days later
#   sum          60 times 1               60.0             1.0
#   average      60, 59, ..., 1           30.5             1.0
#   max          60, 59, ..., 1           60.0             1.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet whisper==1.1.10
cd "$folder"
venv/bin/python - <<'PYTHON'
from datetime import UTC, datetime
from itertools import count

import whisper

MINUTE, HOUR, DAY = 60, 3600, 86400
START = int(datetime(2026, 11, 27, 10, tzinfo=UTC).timestamp())
ONES, FALLING = [1.0] * 60, [float(number) for number in range(60, 0, -1)]
# How the file aggregates, the points, and what the hour is on time and two days late.
WANTED = [
    ("sum", "60 times 1", ONES, 60.0, 1.0),
    ("average", "60, 59, ..., 1", FALLING, 30.5, 1.0),
    ("max", "60, 59, ..., 1", FALLING, 60.0, 1.0),
]
numbers = count()


def write(method, points, now, many):
    """The hour that was written, and its length, as the file has it three days after it began."""
    path = f"{next(numbers)}.wsp"
    whisper.create(path, [(MINUTE, 1440), (HOUR, 168)], xFilesFactor=0, aggregationMethod=method)
    timed = [(START + number * MINUTE, point) for number, point in enumerate(points)]
    if many:
        whisper.update_many(path, timed, now=now)
    else:
        for time, point in timed:
            whisper.update(path, point, time, now=now)
    (begin, _, step), values = whisper.fetch(path, START - HOUR, START + HOUR, now=START + 3 * DAY)
    assert step == HOUR
    [found] = {begin + place * step: value for place, value in enumerate(values) if value is not None}.items()
    assert found[0] == START
    return found[1]


print(f"{'aggregation':<12} {'points':<15} {'in that hour':>13} {'two days later':>15}")
for method, text, points, *wanted in WANTED:
    for many in (False, True):
        seen = [write(method, points, now, many) for now in (START + HOUR, START + 2 * DAY)]
        assert seen == wanted, seen
    print(f"{method:<12} {text:<15} {seen[0]:>13} {seen[1]:>15}")
PYTHON
echo "as described"
