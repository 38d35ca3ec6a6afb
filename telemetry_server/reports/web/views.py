"""Links that change some parameters of a view, and one part of a long list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telemetry_server.reports.cursor import cursor_of, offset_after
from telemetry_server.reports.web.addresses import address


def link_to(path: str, view: Mapping[str, Any], **changes: Any) -> str:
    """Return the address of *path* with the parameters of *view* and *changes*; an empty one is left out."""
    return address(path, {name: value for name, value in {**view, **changes}.items() if value})


@dataclass(frozen=True, slots=True)
class ListSection:
    """The part of a long list that one page shows."""

    rows: Sequence[Any]
    first: int  # number of the first row, from 1; 0 without rows
    last: int
    total: int
    next_cursor: str  # empty at the end


def cut_of(rows: Sequence[Any], cursor: str, limit: int) -> ListSection:
    """
    Return the part of *rows* behind *cursor*.

    Raises:
        Problem: The cursor is not one of ours.
    """
    start = offset_after(cursor)
    end = min(start + limit, len(rows))
    shown = rows[start:end]
    following = (cursor_of(end) or "") if end < len(rows) else ""
    return ListSection(shown, start + 1 if shown else 0, end, len(rows), following)
