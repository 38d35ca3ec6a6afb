"""Makes tables that fit a terminal: cells are cut, or each row becomes a block of lines."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from telemetry_server.terminal.printable import cut_to, printable, width_of

GAP = "  "
MIN_COLUMN_WIDTH = 6
MAX_PADDED_WIDTH = 80  # without a terminal nothing is cut, but a long cell does not widen all other rows
CHARACTERS_A_CELL = 4  # some characters have no width
ROWS_MEASURED = 200  # the first rows determine the widths, so that long results need little memory

Cells = Sequence[str]


def table_lines(
    names: Cells, to_right: Sequence[bool], rows: Iterator[Cells], width: int | None
) -> Iterator[str]:
    """
    Yield the lines of a table, without newlines.

    Args:
        to_right: For each column, whether it is aligned to the right.
        width: Maximum width of a line in cells; None for no limit.
    """
    most = None if width is None else width * CHARACTERS_A_CELL
    names = [_shown(name, most) for name in names]
    printed = ([_shown(cell, most) for cell in row] for row in rows)
    first = list(islice(printed, ROWS_MEASURED))
    wanted = [
        max([_width_to_pad(names[position], width), *(_width_to_pad(row[position], width) for row in first)])
        for position in range(len(names))
    ]
    widths = _fitted(wanted, width)
    if widths is None:
        yield from _blocks(names, chain(first, printed), width)
        return
    yield _line(names, widths, to_right, is_cut=width is not None)
    yield _line(["-" * column for column in widths], widths, to_right)
    for row in chain(first, printed):
        yield _line(row, widths, to_right, is_cut=width is not None)


def _shown(cell: str, most: int | None) -> str:
    """Return the cell as text, cut to what a terminal can show: a record may have 100,000 characters."""
    return printable(cell if most is None or len(cell) <= most else f"{cell[:most]}…")


def _width_to_pad(cell: str, width: int | None) -> int:
    return width_of(cell if width is not None else cell[:MAX_PADDED_WIDTH])


def _fitted(wanted: list[int], width: int | None) -> list[int] | None:
    """Return column widths that fit *width*, shrinking the widest first; None if that is impossible."""
    if width is None:
        return wanted
    room = width - len(GAP) * (len(wanted) - 1)
    if sum(min(column, MIN_COLUMN_WIDTH) for column in wanted) > room:
        return None
    bound = min(max(wanted), room)
    while sum(min(column, bound) for column in wanted) > room:
        bound -= 1
    return [min(column, bound) for column in wanted]


def _line(cells: Cells, widths: Sequence[int], to_right: Sequence[bool], *, is_cut: bool = True) -> str:
    parts = []
    for cell, width, is_right in zip(cells, widths, to_right, strict=True):
        shown = cut_to(cell, width) if is_cut else cell
        space = " " * (width - (width_of(shown) if is_cut else _width_to_pad(shown, None)))
        parts.append(space + shown if is_right else shown + space)
    return GAP.join(parts).rstrip()


def _blocks(names: Cells, rows: Iterable[list[str]], width: int | None) -> Iterator[str]:
    """Yield each row as lines of ``name  value``, for results with many columns."""
    margin = max(width_of(name) for name in names)
    for number, row in enumerate(rows, start=1):
        yield f"-- row {number}"
        for name, cell in zip(names, row, strict=True):
            line = f"{name}{' ' * (margin - width_of(name))}{GAP}{cell}"
            yield (line if width is None else cut_to(line, width)).rstrip()
