"""Prints results on stdout; messages and progress bars on stderr."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from telemetry_server.terminal.client_text import shown, shown_json, shown_lines


def print_json(value: Any) -> None:
    """Print *value* as indented JSON."""
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    _write(shown_json(text).decode())


def print_text(text: str) -> None:
    """Print *text*, part of a result, on stdout; unsafe characters are escaped."""
    _write(shown_lines(text))


def discard_stdout() -> None:
    """Discard what stdout holds, and what is written to it from now on; else Python reports it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(line: str) -> None:
    """Write a line of a result.  The command goes on to its exit status where the reader closed the pipe."""
    try:
        print(line)
    except BrokenPipeError:
        discard_stdout()


def say(text: str) -> None:
    """Print a message on stderr; unsafe characters are escaped."""
    print(shown_lines(text), file=sys.stderr)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print *rows* in columns; numbers are aligned to the right."""
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
    _write("  ".join(parts).rstrip())


class Progress(Protocol):
    """The progress of long work."""

    def advance(self, amount: float = 1) -> None:
        """Add *amount* to what is done."""

    def total(self, amount: float) -> None:
        """Set the total to *amount*, as far as it is known now."""


class _NoProgress:
    def advance(self, amount: float = 1) -> None:
        """Ignore it."""

    def total(self, amount: float) -> None:
        """Ignore it."""


@contextmanager
def progress(title: str, total: float | None = None, unit: str = "") -> Iterator[Progress]:
    """Show a progress bar on stderr during the block, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield _NoProgress()
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
