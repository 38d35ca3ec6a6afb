#!/usr/bin/env bash
# chDB 4.4.0, which is ClickHouse as a library, takes averages of numbers of 64 bits.  It reads JSON lines where a
# number past the signed 64 bits follows 30,000 lines with the number 1.
# Expected: the average between the numbers, and the number of the last line as in a file that has it alone, or an error
# as for a fraction there.
# Seen: the average is of a sum that went past its type, so it is smaller than all the numbers.  A large number late in
# the JSON file is read as another number.  `toInt64()` of a text does the same:
#   query                                                         answer
#   avg of 2**64 - 1 and 1, unsigned                              0
#   avg of 2**63 - 1 and 1, signed                                -4611686018427388000
#   avg of the same as Float64                                    4611686018427388000
#   JSON, 9223372036854775808 alone                               9223372036854775808
#   JSON, 9223372036854775808 after 30,000 lines                  -9223372036854775808
#   JSON, 18446744073709551617 alone                              18446744073709551617
#   JSON, 18446744073709551617 after 30,000 lines                 1
#   JSON, 1.5 after 30,000 lines                                  an error
#   toInt64('9223372036854775808')                                -9223372036854775808
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet chdb==4.4.0 chdb-core==26.9.0
cd "$folder"
venv/bin/python - <<'PYTHON'
from pathlib import Path

import chdb


def ask(query):
    try:
        return str(chdb.query(query, "TSV")).strip()
    except RuntimeError:
        return "an error"


def average(first, second, kind):
    return f"SELECT avg(x) FROM values('x {kind}', ({first}), ({second}))"


def last_line(number, lines):
    path = Path(f"{number}-{lines}.jsonl").absolute()
    path.write_text('{"x":1}\n' * lines + '{"x":%s}\n' % number)
    return f"SELECT x FROM file('{path}', JSONEachRow) WHERE toString(x) != '1' OR rowNumberInAllBlocks() = {lines}"


# What is asked, the query, and the answer that was seen.
CASES = [
    ("avg of 2**64 - 1 and 1, unsigned", average(2**64 - 1, 1, "UInt64"), "0"),
    ("avg of 2**63 - 1 and 1, signed", average(2**63 - 1, 1, "Int64"), "-4611686018427388000"),
    ("avg of the same as Float64", average(2**63 - 1, 1, "Float64"), "4611686018427388000"),
    ("JSON, 9223372036854775808 alone", last_line(2**63, 0), "9223372036854775808"),
    ("JSON, 9223372036854775808 after 30,000 lines", last_line(2**63, 30_000), "-9223372036854775808"),
    ("JSON, 18446744073709551617 alone", last_line(2**64 + 1, 0), "18446744073709551617"),
    ("JSON, 18446744073709551617 after 30,000 lines", last_line(2**64 + 1, 30_000), "1"),
    ("JSON, 1.5 after 30,000 lines", last_line(1.5, 30_000), "an error"),
    ("toInt64('9223372036854775808')", "SELECT toInt64('9223372036854775808')", "-9223372036854775808"),
]
print(f"{'query':<61} answer")
for name, query, wanted in CASES:
    seen = ask(query)
    print(f"{name:<61} {seen}")
    assert seen == wanted
PYTHON
echo "as described"
