#!/usr/bin/env bash
# prqlc 0.13.14 (PRQL, PyPI) compiles "remove", by its documentation like EXCEPT ALL: rows are removed one for one, and
# "intersect".  DuckDB 2.0.1 has EXCEPT ALL and INTERSECT ALL.
# Expected: the SQL for the target duckdb gives the same rows as the SQL for the target generic.
# Seen: for duckdb (and for sqlite) both are written as joins, without a warning.  One row removes all rows that are
# equal to it and none that is null, and an intersection repeats rows:
#   the channels beta, beta, nightly, null     generic                 duckdb
#   remove beta                                beta, nightly, null     nightly, null
#   remove null                                beta, beta, nightly     beta, beta, nightly, null
#   intersect beta                             beta                    beta, beta
#   intersect beta, beta                       beta, beta              beta, beta, beta, beta
#   intersect null                             null                    nothing
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet prqlc==0.13.14 duckdb==2.0.1
cd "$folder"
cat >seen.py <<'PYTHON'
import duckdb
import prqlc

connection = duckdb.connect()
connection.execute(
    "CREATE TABLE pings AS FROM (VALUES (1, 'beta'), (2, 'beta'), (3, 'nightly'), (4, NULL)) p(n, channel)"
)
for step, condition in (
    ("remove", "n == 1"),
    ("remove", "n == 4"),
    ("intersect", "n == 1"),
    ("intersect", "n < 3"),
    ("intersect", "n == 4"),
):
    query = f"from pings\nselect {{channel}}\n{step} (from pings | filter {condition} | select {{channel}})"
    answers = []
    for target in ("sql.generic", "sql.duckdb"):
        translated = prqlc.compile(query, prqlc.CompileOptions(target=target))
        channels = [str(channel) for (channel,) in connection.execute(translated).fetchall()]
        answers.append(",".join(sorted(channels)) or "nothing")
    print(step, condition, *answers)
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
remove n == 1 None,beta,nightly None,nightly
remove n == 4 beta,beta,nightly None,beta,beta,nightly
intersect n == 1 beta beta,beta
intersect n < 3 beta,beta beta,beta,beta,beta
intersect n == 4 None nothing
EXPECTED
echo "as described"
