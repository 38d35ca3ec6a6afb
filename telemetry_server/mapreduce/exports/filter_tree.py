"""
The tree of filters: numbers for combinations of reason, application, system, its version, architecture.

A node is an object of its number ``_id``, the name of the next level, and its children by value; a
leaf has only its number.  Numbers stay what they are when the tree grows.
"""

from collections.abc import Iterable, Sequence
from typing import Any

LEVELS = ("reason", "appName", "OS", "osVersion", "arch")
# Keys of a node that are no children.
ID, NAME = "_id", "name"


class FilterTree:
    """
    Numbers of filters.

    Args:
        root_id: The number of the root, as its reader expects it.
        known: A tree that was written before; its numbers are kept.
    """

    def __init__(self, root_id: str | int, known: Any = None) -> None:
        self.root: dict[str, Any] = {ID: root_id, NAME: LEVELS[0]}
        if isinstance(known, dict) and known.get(NAME) == LEVELS[0]:
            self.root = known
        self._next = _highest_id(self.root) + 1

    def add_all(self, filters: Iterable[tuple[str, ...]]) -> None:
        """Number *filters* that have no number yet, in their order."""
        for values in sorted(filters):
            node = self.root
            for level, value in enumerate(map(_key_of, values), start=1):
                child = node.get(value)
                if child is None:
                    child = node[value] = {ID: self._next}
                    self._next += 1
                    if level < len(LEVELS):
                        child[NAME] = LEVELS[level]
                node = child

    def id_of(self, values: Sequence[str]) -> int:
        """Return the number of the filter *values*, which was added."""
        node = self.root
        for value in map(_key_of, values):
            node = node[value]
        number: int = node[ID]
        return number


def _key_of(value: str) -> str:
    return f"{value}_" if value in (ID, NAME) else value


def _highest_id(node: dict[str, Any]) -> int:
    own = node.get(ID)
    highest = int(own) if isinstance(own, int | str) else 0
    return max([highest, *(_highest_id(child) for child in node.values() if isinstance(child, dict))])
