"""Spreads documents over the columns of a tree."""

from collections.abc import Callable
from typing import Any

from telemetry_server.fuel.exports.column_trees import Length, Spread, Tree, Value, width_of
from telemetry_server.terminal.csv_text import FORMULA_STARTS

Flatten = Callable[[Any, list[str]], None]


def cell_of(value: Any) -> str:
    """Return the text of a cell: nothing for null, ``True`` or ``False``, a list joined by spaces."""
    if value is None:
        return ""
    if isinstance(value, list):
        value = " ".join("" if part is None else str(part) for part in value)
    if not isinstance(value, str):
        return str(value)
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


def flattener(tree: Tree) -> Flatten:
    """Return what appends the cells of a document to a row; what is missing becomes empty cells."""
    empty = [""] * width_of(tree)
    if isinstance(tree, Value):
        return lambda value, row: row.append(cell_of(value))
    if isinstance(tree, Length):
        return lambda value, row: row.append(str(len(value)) if isinstance(value, list) else cell_of(value))
    if isinstance(tree, Spread):
        entry, entries = flattener(tree.entry), tree.entries
        blank = [""] * width_of(tree.entry)

        def spread(value: Any, row: list[str]) -> None:
            if not isinstance(value, list) or not value:
                row += empty
                return
            for part in value[:entries]:
                entry(part, row)
            row += blank * (entries - len(value))

        return spread
    parts = [(key, flattener(tree[key])) for key in sorted(tree)]

    def flatten(value: Any, row: list[str]) -> None:
        if not isinstance(value, dict) or not value:
            row += empty
            return
        for key, append in parts:
            append(value.get(key), row)

    return flatten
