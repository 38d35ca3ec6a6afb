#!/usr/bin/env bash
# aniso8601 10.0.1, isodate 0.7.2, arrow 1.4.0, ciso8601 2.4.1 and the datetime of Python 3.11 read times of ISO 8601.
# Expected: one moment for one time, or an error.
# Seen: aniso8601 reads the end of a day as its beginning.  datetime takes the fraction of an hour or a minute for one
# of a second.  arrow rounds a seventh digit, which puts the last moment of a day into the next one; the others cut:
#                          datetime         aniso8601    isodate      arrow        ciso8601
#   29T24:00:00Z           (not read)       29T00:00:00  ValueError   30T00:00:00  30T00:00:00
#   29T10.5Z               29T10:00:00.5    29T10:30:00  29T10:30:00  an error     ValueError
#   29T10:30.5Z            29T10:30:00.5    29T10:30:30  29T10:30:30  an error     ValueError
#   29T23:59:59.9999999Z   the day 29       29           29           30           29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet aniso8601==10.0.1 isodate==0.7.2 arrow==1.4.0 ciso8601==2.4.1
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen.txt
from datetime import datetime

import aniso8601
import arrow
import ciso8601
import isodate

READERS = {
    "datetime": datetime.fromisoformat,
    "aniso8601": aniso8601.parse_datetime,
    "isodate": isodate.parse_datetime,
    "arrow": lambda text: arrow.get(text).datetime,
    "ciso8601": ciso8601.parse_datetime,
}


def read(reader, text):
    try:
        return f"{reader('2026-11-' + text):%dT%H:%M:%S.%f}"[:13].removesuffix(".0")
    except ValueError:
        return "error"


for text in ("29T24:00:00Z", "29T10.5Z", "29T10:30.5Z", "29T23:59:59.9999999Z"):
    names = [name for name in READERS if not (name == "datetime" and "T24" in text)]
    for name in names:
        print(text, name, read(READERS[name], text))
PYTHON
diff seen.txt - <<'EXPECTED'
29T24:00:00Z aniso8601 29T00:00:00
29T24:00:00Z isodate error
29T24:00:00Z arrow 30T00:00:00
29T24:00:00Z ciso8601 30T00:00:00
29T10.5Z datetime 29T10:00:00.5
29T10.5Z aniso8601 29T10:30:00
29T10.5Z isodate 29T10:30:00
29T10.5Z arrow error
29T10.5Z ciso8601 error
29T10:30.5Z datetime 29T10:30:00.5
29T10:30.5Z aniso8601 29T10:30:30
29T10:30.5Z isodate 29T10:30:30
29T10:30.5Z arrow error
29T10:30.5Z ciso8601 error
29T23:59:59.9999999Z datetime 29T23:59:59.9
29T23:59:59.9999999Z aniso8601 29T23:59:59.9
29T23:59:59.9999999Z isodate 29T23:59:59.9
29T23:59:59.9999999Z arrow 30T00:00:00
29T23:59:59.9999999Z ciso8601 29T23:59:59.9
EXPECTED
echo "as described"
