"""Results on stdout, talk on stderr: tables, JSON, and a bar on long work."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from telemetry_server.terminal.client_text import shown, shown_json, shown_lines


def print_json(value: Any) -> None:
    """Print *value* as JSON, readable and ending with a newline."""
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    sys.stdout.write(shown_json(text).decode() + "\n")


def print_text(text: str) -> None:
    """Print *text* on stdout: lines of a result for people, safe for a terminal whatever is in it."""
    print(shown_lines(text))


def say(text: str) -> None:
    """Tell the user something that is not the result; it is made safe for a terminal like all else."""
    print(shown_lines(text), file=sys.stderr)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print *rows* in columns; numbers stand to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [
        max(len(headings[n]), *(len(row[n]) for row in cells)) if cells else len(headings[n])
        for n in range(len(headings))
    ]
    right = [
        bool(rows) and all(isinstance(row[n], int | float) for row in rows) for n in range(len(headings))
    ]
    _print_row(headings, widths, right)
    _print_row(["-" * width for width in widths], widths, right)
    for row in cells:
        _print_row(row, widths, right)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return shown(str(value))


def _print_row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> None:
    parts = [
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    ]
    print("  ".join(parts).rstrip())


class Progress(Protocol):
    """How far long work has come."""

    def advance(self, amount: float = 1) -> None:
        """*amount* more is done."""

    def total(self, amount: float) -> None:
        """There is *amount* to do in all, as far as is known now."""


class _Silent:
    def advance(self, amount: float = 1) -> None:
        """Say nothing."""

    def total(self, amount: float) -> None:
        """Say nothing."""


@contextmanager
def progress(title: str, total: float | None = None, unit: str = "") -> Iterator[Progress]:
    """A bar on stderr while the block runs, if stderr is a terminal; silence otherwise."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    bar = RichProgress(
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(title, total=total)

        class _Bar:
            def advance(self, amount: float = 1) -> None:
                bar.advance(task, amount)

            def total(self, amount: float) -> None:
                bar.update(task, total=amount)

        yield _Bar()
