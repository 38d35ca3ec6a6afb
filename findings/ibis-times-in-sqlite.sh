#!/usr/bin/env bash
# ibis-framework 12.0.0 (Python) stores four pings with their times in SQLite and in DuckDB 2.0.1, and filters them.
# Expected: the same pings are found in both.
# Seen: Ibis stores a time in SQLite as a text with a `T`, and writes it into a query with a space.  So a stored time
# equals no time and comes after each time of the same day.  microsecond() is the second, and the cast to a whole number
# is the year, without an error:
#                                              DuckDB             SQLite
#   at == 8:00                                 1                  0
#   at < 12:00                                 2                  0
#   at >= 12:00                                2                  4
#   at.between(8:00, 11:00)                    2                  0
#   microsecond() of 59.75 s                   750000             59
#   strftime("%H:%M:%S.%f") of 59.75 s         20:00:59.750000    20:00:59.59.750
#   strftime("%y-%m-%d")                       26-11-29           None
#   cast("int64")                              an error           2026
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "ibis-framework[duckdb,sqlite]==12.0.0" duckdb==2.0.1 sqlglot==28.6.0
cd "$folder"
cat >seen.py <<'PYTHON'
from datetime import datetime

import ibis
import pyarrow as pa

MORNING, NOON = datetime(2026, 11, 29, 8), datetime(2026, 11, 29, 12)
EVENING = datetime(2026, 11, 29, 20, 0, 59, 750000)
PINGS = pa.table({"at": [MORNING, datetime(2026, 11, 29, 9), NOON, EVENING]})
FILTERS = {
    "at == 8:00": lambda table: table.at == MORNING,
    "at < 12:00": lambda table: table.at < NOON,
    "at >= 12:00": lambda table: table.at >= NOON,
    "at.between(8:00, 11:00)": lambda table: table.at.between(MORNING, datetime(2026, 11, 29, 11)),
}
PARTS = {
    "microsecond()": lambda last: last.microsecond(),
    'strftime("%H:%M:%S.%f")': lambda last: last.strftime("%H:%M:%S.%f"),
    'strftime("%y-%m-%d")': lambda last: last.strftime("%y-%m-%d"),
    'cast("int64")': lambda last: last.cast("int64"),
}
tables = [backend.connect().create_table("pings", PINGS) for backend in (ibis.duckdb, ibis.sqlite)]
for name, condition in FILTERS.items():
    print(name, *(table.filter(condition(table)).count().to_pyarrow().as_py() for table in tables), sep=" | ")
for name, part in PARTS.items():
    answers = []
    for table in tables:
        try:
            answers.append(part(table.at.max()).to_pyarrow().as_py())
        except Exception:  # each library has errors of its own
            answers.append("an error")
    print(name, *answers, sep=" | ")
PYTHON
venv/bin/python -W ignore seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
at == 8:00 | 1 | 0
at < 12:00 | 2 | 0
at >= 12:00 | 2 | 4
at.between(8:00, 11:00) | 2 | 0
microsecond() | 750000 | 59
strftime("%H:%M:%S.%f") | 20:00:59.750000 | 20:00:59.59.750
strftime("%y-%m-%d") | 26-11-29 | None
cast("int64") | an error | 2026
EXPECTED
echo "as described"
