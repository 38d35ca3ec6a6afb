#!/usr/bin/env bash
# DuckDB 2.0.1: approx_count_distinct and approx_quantile are approximate for small inputs as well, where an exact
# answer would cost nothing: 51 for 50 distinct numbers, and 467 for the 99th percentile of 990 times 0 and 10 times
# 1000, which is 0.  count(DISTINCT …) and quantile_disc are exact.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

connection = duckdb.connect()
ask = lambda text: connection.execute(text).fetchall()[0]
approximate, exact = ask("select approx_count_distinct(i), count(distinct i) from range(50) numbers(i)")
print(f"50 distinct numbers: approx_count_distinct says {approximate}, count(distinct) {exact}")
skewed = "(select case when i < 990 then 0 else 1000 end as value from range(1000) numbers(i))"
high, exact_high = ask(f"select approx_quantile(value, 0.99), quantile_disc(value, 0.99) from {skewed}")
print(f"99th percentile of 990 times 0 and 10 times 1000: approx_quantile says {high}, quantile_disc {exact_high}")
assert (approximate, exact) == (51, 50)
assert (high, exact_high) == (467, 0)
PYTHON
echo "as described"
