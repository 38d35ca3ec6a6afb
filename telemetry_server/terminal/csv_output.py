"""Prints results as CSV."""

import csv
import sys
from collections.abc import Sequence

from telemetry_server.terminal.client_text import shown

# A spreadsheet takes cells that begin so as formulas.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def print_csv(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print *rows* under a line of names; texts that a spreadsheet or terminal would run are neutralised."""
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(names)
    lines.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = shown(value, None)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
