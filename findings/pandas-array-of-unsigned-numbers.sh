#!/usr/bin/env bash
# pandas 3.1.1 makes a column of unsigned 64-bit numbers, such as hashes of ids, from a list.
# Expected: pd.array() and pd.Series() of one list and one type hold the same numbers.
# Seen: pd.array(..., dtype="uint64") rounds all numbers to doubles where some are past 63 bits and some are not,
# without an error, and different hashes become equal.  pd.Series, and the type "UInt64" of pandas itself, keep them:
#   list                        pd.array, uint64            pd.Series, uint64           pd.array, UInt64
#   2**63 + 5, 2**63 + 7        ...5813, ...5815            ...5813, ...5815            ...5813, ...5815
#   2**63 + 5, 2**63 + 7, 1     ...5808, ...5808, 1         ...5813, ...5815, 1         ...5813, ...5815, 1
#   2**63 + 5, 2**53 + 1        ...5808, ...0992            ...5813, ...0993            ...5813, ...0993
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import pandas as pd

LISTS = {
    "2**63 + 5, 2**63 + 7": [2**63 + 5, 2**63 + 7],
    "2**63 + 5, 2**63 + 7, 1": [2**63 + 5, 2**63 + 7, 1],
    "2**63 + 5, 2**53 + 1": [2**63 + 5, 2**53 + 1],
}


def text(numbers):
    return ", ".join(f"...{number % 10_000:04}" if number > 10_000 else str(number) for number in numbers)


print(f"{'list':<27} {'pd.array, uint64':<27} {'pd.Series, uint64':<27} pd.array, UInt64")
for name, numbers in LISTS.items():
    columns = [pd.array(numbers, dtype="uint64"), pd.Series(numbers, dtype="uint64"), pd.array(numbers, dtype="UInt64")]
    seen = [[int(number) for number in column] for column in columns]
    print(f"{name:<27} {text(seen[0]):<27} {text(seen[1]):<27} {text(seen[2])}")
    is_mixed = min(numbers) < 2**63
    assert seen[0] == ([int(float(number)) for number in numbers] if is_mixed else numbers)
    assert seen[1] == seen[2] == numbers
PYTHON
echo "as described"
