#!/usr/bin/env bash
# One expression of Narwhals 2.29.0, which runs the API of Polars on other libraries, is evaluated with pandas 3.1.1,
# Polars 2.1.0, PyArrow 26.0.1 and DuckDB 2.0.1.  `nan` is a NaN, not a null.
# Expected: one answer, or an error.
# Seen: halves are rounded up or to the even number, fractions are cut or rounded, a negative length means another
# part of the text or none, and nulls and NaN are counted and compared differently:
#   expression                         rows              pandas        polars        pyarrow       duckdb
#   x.round(0)                         [0.5, 2.5]        [0.0, 2.0]    [0.0, 2.0]    [1.0, 3.0]    [1.0, 3.0]
#   x.cast(nw.Int64)                   [1.7, -1.7]       [1, -1]       [1, -1]       an error      [2, -2]
#   x.cast(nw.String)                  [1.0, 0.5]        [1.0, 0.5]    [1.0, 0.5]    [1, 0.5]      [1.0, 0.5]
#   x.str.head(-2)                     ['abcdef']        [abcd]        an error      [abcd]        []
#   x.max() > 1                        [1.0, nan]        [False]       [False]       [False]       [True]
#   (x > 1).sum()                      [1.0, nan]        [0]           [1]           [0]           [1]
#   x.count()                          [1.0, nan]        [1]           [2]           [2]           [2]
#   x.median()                         [1.0, nan]        [1.0]         [nan]         [1.0]         [nan]
#   (~x.is_in([1])).sum()              [1, None, 2]      [2]           [1]           [1]           [1]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet narwhals==2.29.0 pandas==3.1.1 polars==2.1.0 pyarrow==26.0.1 duckdb==2.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa

nan = float("nan")
x = nw.col("x")
MAKE = {
    "pandas": pd.DataFrame,
    "polars": lambda columns: pl.LazyFrame(columns, strict=False),
    "pyarrow": pa.table,
    "duckdb": lambda columns: duckdb.from_arrow(pa.table(columns)),
}
# The expression as text and as itself, the rows as text and as themselves, and the answers.
CASES = [
    ("x.round(0)", x.round(0), "[0.5, 2.5]", [0.5, 2.5], "[0.0, 2.0]", "[0.0, 2.0]", "[1.0, 3.0]", "[1.0, 3.0]"),
    ("x.cast(nw.Int64)", x.cast(nw.Int64), "[1.7, -1.7]", [1.7, -1.7], "[1, -1]", "[1, -1]", "an error", "[2, -2]"),
    ("x.cast(nw.String)", x.cast(nw.String), "[1.0, 0.5]", [1.0, 0.5], "[1.0, 0.5]", "[1.0, 0.5]", "[1, 0.5]",
     "[1.0, 0.5]"),
    ("x.str.head(-2)", x.str.head(-2), "['abcdef']", ["abcdef"], "[abcd]", "an error", "[abcd]", "[]"),
    ("x.max() > 1", x.max() > 1, "[1.0, nan]", [1.0, nan], "[False]", "[False]", "[False]", "[True]"),
    ("(x > 1).sum()", (x > 1).sum(), "[1.0, nan]", [1.0, nan], "[0]", "[1]", "[0]", "[1]"),
    ("x.count()", x.count(), "[1.0, nan]", [1.0, nan], "[1]", "[2]", "[2]", "[2]"),
    ("x.median()", x.median(), "[1.0, nan]", [1.0, nan], "[1.0]", "[nan]", "[1.0]", "[nan]"),
    ("(~x.is_in([1])).sum()", (~x.is_in([1])).sum(), "[1, None, 2]", [1, None, 2], "[2]", "[1]", "[1]", "[1]"),
]


def answer(make, expression, rows):
    try:
        frame = nw.from_native(make({"x": rows})).lazy().select(expression).collect("pyarrow")
    except Exception:  # each library has errors of its own
        return "an error"
    return "[" + ", ".join(str(value) for value in frame["x"].to_list()) + "]"


print(f"{'expression':<34} {'rows':<17}", *(f"{name:<13}" for name in MAKE))
for name, expression, rows_name, rows, *wanted in CASES:
    seen = [answer(make, expression, rows) for make in MAKE.values()]
    print(f"{name:<34} {rows_name:<17}", *(f"{text:<13}" for text in seen))
    assert seen == wanted, seen
PYTHON
echo "as described"
