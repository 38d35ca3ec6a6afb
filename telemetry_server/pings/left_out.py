"""
The values of one record that break their definition, so that aggregates leave them out.

A record has them as ``metadata.left_out`` (StorageFormat.md): by kind, which is the name of their table, by
process and by metric, each with a mark.  Where only some keys of a keyed metric are marked, the metric has
their marks; where a whole section is marked, it has one in place of its metrics.
"""

from collections.abc import Mapping
from typing import Any

LEFT_OUT = "left_out"
"""The key in ``metadata``."""

# One mark for all that is below, or what is below by its name.
_Marks = str | dict[str, Any]


class LeftOut:
    """Marked values by kind, process, metric and key."""

    def __init__(self, marks: Mapping[str, Any] | None = None) -> None:
        self._marks: dict[str, _Marks] = dict(marks or {})

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> "LeftOut":
        """Return what the *metadata* of a record says."""
        marks = metadata.get(LEFT_OUT)
        return cls(marks if isinstance(marks, dict) else None)

    def __bool__(self) -> bool:
        return bool(self._marks)

    def add(self, mark: str, kind: str, process: str, metric: str | None, key: str | None = None) -> None:
        """Add a mark of a *key* of a metric, of a whole metric, or (without *metric*) of a whole section."""
        *path, last = [name for name in (kind, process, metric, key) if name is not None]
        parent = self._marks
        for name in path:
            below = parent.setdefault(name, {})
            if isinstance(below, str):
                return  # all of it is marked
            parent = below
        if isinstance(parent.get(last), str):
            return
        parent[last] = mark

    def mark_of(self, kind: str, process: str, metric: str, label: str) -> str | None:
        """Return a mark for which a value is left out; None if the value counts."""
        found: Any = self._marks
        for name in (kind, process, metric, label):
            if not isinstance(found, dict):
                break
            found = found.get(name)
        return found if isinstance(found, str) else None

    def as_json(self) -> dict[str, Any]:
        """Return what a record holds, in order of names."""
        found: dict[str, Any] = _sorted(self._marks) if self._marks else {}
        return found


def _sorted(marks: _Marks) -> Any:
    if isinstance(marks, str):
        return marks
    return {name: _sorted(marks[name]) for name in sorted(marks)}
