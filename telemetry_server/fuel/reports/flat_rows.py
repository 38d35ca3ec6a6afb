"""An answer as one table, for CSV."""

from collections.abc import Sequence
from typing import Any


def flat_rows(found: dict[str, Any]) -> tuple[list[str], list[Sequence[Any]]]:
    """Return totals and tables of an answer as one table, for CSV."""
    names = list(dict.fromkeys(name for rows in found["tables"].values() for row in rows for name in row))
    columns = ["table", "value", *(name for name in names if name != "value")]
    if "count" not in columns:
        columns.insert(2, "count")
    rows: list[Sequence[Any]] = [
        [{"table": "totals", "value": name, "count": value}.get(column) for column in columns]
        for name, value in found["totals"].items()
    ]
    for table, entries in found["tables"].items():
        rows += [[{"table": table, **entry}.get(column) for column in columns] for entry in entries]
    return columns, rows
