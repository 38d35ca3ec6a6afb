"""The view that an address holds: its parameters, links that change some of them, one part of a long list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from telemetry_server.reports.cursor import cursor_of, offset_after
from telemetry_server.reports.parameters import Parameters


def given_of(parameters: Parameters) -> dict[str, str]:
    """Return the parameters that are not their defaults, by the names of the API; ``format`` is left out."""
    given = {}
    for name, field in type(parameters).model_fields.items():
        value = getattr(parameters, name)
        if name != "format" and value != field.default:
            given[field.alias or name] = "1" if value is True else str(value)
    return given


def address(path: str, given: Mapping[str, str], **changes: str) -> str:
    """Return the address of *path* with the parameters *given* and *changes*; an empty one is left out."""
    wanted = {name: value for name, value in {**given, **changes}.items() if value}
    return f"{path}?{urlencode(wanted)}" if wanted else path


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of a long list that one page shows."""

    rows: Sequence[Any]
    first: int  # number of the first row, from 1; 0 without rows
    last: int
    total: int
    next_cursor: str  # empty at the end


def cut_of(rows: Sequence[Any], cursor: str, limit: int) -> Cut:
    """
    Return the part of *rows* behind *cursor*.

    Raises:
        Problem: The cursor is not one of ours.
    """
    start = offset_after(cursor)
    end = min(start + limit, len(rows))
    shown = rows[start:end]
    following = (cursor_of(end) or "") if end < len(rows) else ""
    return Cut(shown, start + 1 if shown else 0, end, len(rows), following)
