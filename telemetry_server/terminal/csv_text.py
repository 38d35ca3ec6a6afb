"""CSV whose cells a spreadsheet shows and never runs."""

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from telemetry_server.terminal.client_text import shown

# A spreadsheet takes cells that begin so as formulas.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print *rows* as `csv_text` does, with escapes for what a terminal would obey."""
    cells = ([shown(cell, None) if isinstance(cell, str) else cell for cell in row] for row in rows)
    sys.stdout.write(csv_text(columns, cells, line_end="\n"))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, line_end: str = "\r\n") -> str:
    """
    Return *rows* as CSV under a line of names.

    None is an empty cell, lists and objects are JSON, and a text that begins like a formula follows ``'``.
    """
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator=line_end)
    lines.writerow([_cell(name) for name in columns])
    lines.writerows([_cell(cell) for cell in row] for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return neutralised(value)
    import orjson  # texts and numbers, the usual cells, need no JSON

    return neutralised(orjson.dumps(value).decode())


def neutralised(text: str) -> str:
    """Return a text that a spreadsheet shows: after ``'`` where it would be taken as a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
