#!/usr/bin/env bash
# ibis-framework 12.0.0 (Python) evaluates one expression with DuckDB 2.0.1, Polars 2.1.0, DataFusion 50.1.0 and SQLite.
# It does not work with the newest DataFusion and sqlglot, so older ones are pinned.
# Expected: one answer, or an error, as the library is there to run the same code everywhere.
# Seen: other answers.  DataFusion computes logarithms in 32 bits, and the median of whole numbers as a whole number.
# Polars counts the bytes of a text for its letters, counts a null as a value, and has another sign for a remainder:
#   expression                  DuckDB      Polars      DataFusion  SQLite
#   -7 % 3                      -1          2           -1          -1
#   round of 2.5                3           2           3           3
#   round(2) of 0.625           0.63        0.62        0.63        0.63
#   log10 of 1000001            6.00000043  6.00000043  6.00000048  6.00000043
#   length of "Größe"           5           7           5           5
#   median of 1, 2, 3, 4        2.5         2.5         2.0         an error
#   nunique of a, b, null       2           3           2           2
#   cast to int64 of "1.5"      2           an error    an error    1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "ibis-framework[duckdb,polars,datafusion,sqlite]==12.0.0" duckdb==2.0.1 \
  polars==2.1.0 datafusion==50.1.0 sqlglot==28.6.0
cd "$folder"
cat >seen.py <<'PYTHON'
import ibis
import pyarrow as pa

TABLE = pa.table({
    "negative": [-7] * 4, "half": [2.5] * 4, "eighths": [0.625] * 4, "million": [10**6 + 1] * 4, "word": ["Größe"] * 4,
    "tabs": [1, 2, 3, 4], "letter": ["a", "b", None, "a"], "text": ["1.5"] * 4,
})
EXPRESSIONS = {
    "-7 % 3": lambda table: (table.negative % 3).max(),
    "round of 2.5": lambda table: table.half.round().max(),
    "round(2) of 0.625": lambda table: table.eighths.round(2).max(),
    "log10 of 1000001": lambda table: table.million.log10().max(),
    'length of "Größe"': lambda table: table.word.length().max(),
    "median of 1, 2, 3, 4": lambda table: table.tabs.median(),
    "nunique of a, b, null": lambda table: table.letter.nunique(),
    'cast to int64 of "1.5"': lambda table: table.text.cast("int64").max(),
}
backends = [library.connect() for library in (ibis.duckdb, ibis.polars, ibis.datafusion, ibis.sqlite)]
tables = [backend.create_table("clients", TABLE) for backend in backends]
for name, expression in EXPRESSIONS.items():
    answers = []
    for table in tables:
        try:
            answer = expression(table).to_pyarrow().as_py()
        except Exception:  # each library has errors of its own
            answers.append("an error")
        else:
            answers.append(str(round(answer, 8)))
    print(name, *answers, sep=" | ")
PYTHON
venv/bin/python -W ignore seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
-7 % 3 | -1 | 2 | -1 | -1
round of 2.5 | 3 | 2 | 3 | 3
round(2) of 0.625 | 0.63 | 0.62 | 0.63 | 0.63
log10 of 1000001 | 6.00000043 | 6.00000043 | 6.00000048 | 6.00000043
length of "Größe" | 5 | 7 | 5 | 5
median of 1, 2, 3, 4 | 2.5 | 2.5 | 2.0 | an error
nunique of a, b, null | 2 | 3 | 2 | 2
cast to int64 of "1.5" | 2 | an error | an error | 1
EXPECTED
echo "as described"
