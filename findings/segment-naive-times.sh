#!/usr/bin/env bash
# segment-analytics-python 2.4.0 and posthog 7.91.1 take a datetime without a time zone as the time of an event.
# Expected: one rule for all of them, local time or UTC.
# Seen: segment takes it for local time if it is less than five seconds old by the local clock, and for UTC otherwise.
# So one event has another time when it waited in a queue, and a time in UTC is wrong by the offset wherever clocks are
# behind UTC.  posthog has mended the latter only.  In a zone five hours behind UTC, hours from the truth:
#                                 segment    posthog
#   datetime.now()                      0          0
#   datetime.now(), 6 s old            -5         -5
#   datetime.utcnow()                  +5          0
#   datetime.now(UTC)                   0          0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet segment-analytics-python==2.4.0 posthog==7.91.1
cd "$folder"
TZ=EST5 venv/bin/python -W ignore::DeprecationWarning - <<'PYTHON'
from datetime import UTC, datetime, timedelta

import posthog
from segment.analytics.client import Client

sent = []


def keep(event):
    sent.append(event)
    return event


segment = Client("a key", send=False)
hog = posthog.Posthog("a key", host="http://127.0.0.1:9", send=False, before_send=keep)


def by_segment(time):
    _, event = segment.track("one-user", "started", timestamp=time)
    return datetime.fromisoformat(event["timestamp"])


def by_posthog(time):
    hog.capture("started", distinct_id="one-user", timestamp=time)
    return datetime.fromisoformat(sent[-1]["timestamp"])


CASES = {
    "datetime.now()": (datetime.now, timedelta()),
    "datetime.now(), 6 s old": (lambda: datetime.now() - timedelta(seconds=6), timedelta(seconds=6)),
    "datetime.utcnow()": (datetime.utcnow, timedelta()),
    "datetime.now(UTC)": (lambda: datetime.now(UTC), timedelta()),
}
print(f"{'':<26} {'segment':>10} {'posthog':>10}")
seen = {}
for name, (make, age) in CASES.items():
    seen[name] = []
    for take in (by_segment, by_posthog):
        truth = datetime.now(UTC) - age
        seen[name].append(round((take(make()) - truth) / timedelta(hours=1)))
    print(f"{name:<26}", *(f"{hours or 0:{'+' if hours else ''}10d}" for hours in seen[name]))
assert list(seen.values()) == [[0, 0], [-5, -5], [5, 0], [0, 0]], seen
PYTHON
echo "as described"
