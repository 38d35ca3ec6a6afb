#!/usr/bin/env bash
# sqlglot 30.30.0 translates queries of BigQuery, where Mozilla keeps its pings, for DuckDB 2.0.1.
# Expected: the answers that BigQuery's reference gives, or a warning, as sqlglot has for what it cannot translate.
# Seen: names are translated and these meanings are not.  Positions in a list count from 1 instead of 0, the days of a
# week from 0 instead of 1; weeks begin on Monday instead of Sunday where EXTRACT counts them, though DATE_TRUNC is
# translated well; a difference counts the boundaries passed instead of whole hours; and a time is rounded to the next
# second.  There are neither errors nor warnings, also with unsupported_level=RAISE:
#                                                       BigQuery          DuckDB
#   UNNEST(['a', 'b']) WITH OFFSET                      a: 0, b: 1        a: 1, b: 2
#   EXTRACT(DAYOFWEEK FROM a Sunday)                    1                 0
#   EXTRACT(WEEK FROM the Sunday 2026-11-29)            48                48
#   EXTRACT(WEEK FROM the Saturday 2026-11-28)          47                48
#   TIMESTAMP_DIFF(12:01, 11:59, HOUR)                  0                 1
#   UNIX_SECONDS(0.9 s after 1970 began)                0                 1
#   DATE_TRUNC(the Sunday 2026-11-29, WEEK)             2026-11-29        2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet sqlglot==30.30.0 duckdb==2.0.1 pytz==2026.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import logging

import duckdb
import sqlglot

warnings = []
handler = logging.Handler(logging.WARNING)
handler.emit = warnings.append
logging.getLogger("sqlglot").addHandler(handler)

# What is asked, the query, the answer by BigQuery's reference, and the one that was seen.
CASES = [
    (
        "UNNEST(['a', 'b']) WITH OFFSET",
        "SELECT STRING_AGG(CONCAT(x, ': ', CAST(place AS STRING)), ', ' ORDER BY x)"
        " FROM UNNEST(['a', 'b']) AS x WITH OFFSET AS place",
        "a: 0, b: 1",
        "a: 1, b: 2",
    ),
    ("EXTRACT(DAYOFWEEK FROM a Sunday)", "SELECT EXTRACT(DAYOFWEEK FROM DATE '2026-11-29')", "1", "0"),
    ("EXTRACT(WEEK FROM the Sunday 2026-11-29)", "SELECT EXTRACT(WEEK FROM DATE '2026-11-29')", "48", "48"),
    ("EXTRACT(WEEK FROM the Saturday 2026-11-28)", "SELECT EXTRACT(WEEK FROM DATE '2026-11-28')", "47", "48"),
    (
        "TIMESTAMP_DIFF(12:01, 11:59, HOUR)",
        "SELECT TIMESTAMP_DIFF(TIMESTAMP '2026-11-29 12:01:00+00', TIMESTAMP '2026-11-29 11:59:00+00', HOUR)",
        "0",
        "1",
    ),
    (
        "UNIX_SECONDS(0.9 s after 1970 began)",
        "SELECT UNIX_SECONDS(TIMESTAMP '1970-01-01 00:00:00.9+00')",
        "0",
        "1",
    ),
    (
        "DATE_TRUNC(the Sunday 2026-11-29, WEEK)",
        "SELECT DATE_TRUNC(DATE '2026-11-29', WEEK)",
        "2026-11-29",
        "2026-11-29",
    ),
]
print(f"{'':<51} {'BigQuery':<17} DuckDB")
for name, query, wanted, seen in CASES:
    [translated] = sqlglot.transpile(
        query, read="bigquery", write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    [(answer,)] = duckdb.sql(translated).fetchall()
    print(f"{name:<51} {wanted:<17} {answer}")
    assert str(answer) == seen, translated
assert not warnings
PYTHON
echo "as described"
