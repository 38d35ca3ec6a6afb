#!/usr/bin/env bash
# amplitude-analytics 1.3.0 (Python) takes events with the properties clicks: 5 and one more.
# Expected: a value that cannot be sent is left out or is an error, and clicks is sent.
# Seen: where the other value is a datetime, a decimal, a tuple or a list of lists, all properties of the event are left
# out, and nothing is raised or logged.  None is left out alone, and NaN is kept, which JSON has not.  A price of 5 is
# left out, because it is not 5.0, and a time that is not whole, so that the event has the time of its arrival; these two
# are logged:
#   the other property          event_properties
#   "nightly"                   {'clicks': 5, 'other': 'nightly'}
#   None                        {'clicks': 5}
#   datetime(2026, 11, 29)      absent
#   Decimal("1.5")              absent
#   (1, 2)                      absent
#   [[1, 2]]                    absent
#   nan                         {'clicks': 5, 'other': nan}
#   field                       sent
#   price=5                     absent
#   price=5.0                   5.0
#   time=1796000000000          1796000000000
#   time=1796000000000.5        absent
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet amplitude-analytics==1.3.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import logging
from datetime import datetime
from decimal import Decimal

from amplitude import BaseEvent

ABSENT = "absent"
PROPERTIES = {
    '"nightly"': ("nightly", "{'clicks': 5, 'other': 'nightly'}"),
    "None": (None, "{'clicks': 5}"),
    "datetime(2026, 11, 29)": (datetime(2026, 11, 29), ABSENT),
    'Decimal("1.5")': (Decimal("1.5"), ABSENT),
    "(1, 2)": ((1, 2), ABSENT),
    "[[1, 2]]": ([[1, 2]], ABSENT),
    "nan": (float("nan"), "{'clicks': 5, 'other': nan}"),
}
FIELDS = {
    "price=5": ({"price": 5}, ABSENT),
    "price=5.0": ({"price": 5.0}, "5.0"),
    "time=1796000000000": ({"time": 1796000000000}, "1796000000000"),
    "time=1796000000000.5": ({"time": 1796000000000.5}, ABSENT),
}
logged = []
handler = logging.Handler()
handler.emit = logged.append
logging.getLogger().addHandler(handler)


def sent(name, **fields):
    return str(BaseEvent("started", user_id="a user", **fields).get_event_body().get(name, ABSENT))


print(f"{'the other property':<27} event_properties")
for text, (value, wanted) in PROPERTIES.items():
    seen = sent("event_properties", event_properties={"clicks": 5, "other": value})
    print(f"{text:<27} {seen}")
    assert seen == wanted, seen
assert not logged
print(f"{'field':<27} sent")
for text, (fields, wanted) in FIELDS.items():
    seen = sent(*fields, **fields)
    print(f"{text:<27} {seen}")
    assert seen == wanted, seen
assert len(logged) == 2
PYTHON
echo "as described"
