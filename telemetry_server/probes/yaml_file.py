"""Reads definition files in YAML, with the line of every value; bounded in size, depth and aliases."""

from dataclasses import dataclass
from typing import Any

from telemetry_server.probes.errors import NotADefinitionFile

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Node:
    """
    A value of a YAML file.

    `value` is a str, an int or a bool, a tuple of nodes, or a tuple of pairs (key, node) in the file's order,
    which may name a key twice.  What YAML reads as another type (a float, a date, null) is an `OtherScalar`.
    """

    value: "str | int | bool | OtherScalar | tuple[Node, ...] | Pairs"
    line: int  # from 1
    size: int = 1  # nodes in it

    @property
    def plain(self) -> Any:
        """The value without lines: lists and dicts, the last of two equal keys."""
        if isinstance(self.value, Pairs):
            return {str(key.plain): node.plain for key, node in self.value}
        if isinstance(self.value, tuple):
            return [node.plain for node in self.items]
        return self.value.text if isinstance(self.value, OtherScalar) else self.value

    @property
    def items(self) -> "tuple[Node, ...]":
        """The items of a list, or the keys and values of a mapping."""
        if isinstance(self.value, Pairs):
            return tuple(part for pair in self.value for part in pair)
        return (
            tuple(item for item in self.value if isinstance(item, Node))
            if isinstance(self.value, tuple)
            else ()
        )


class Pairs(tuple[tuple[Node, Node], ...]):
    """The pairs of a YAML mapping, in the file's order."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OtherScalar:
    """A scalar that YAML reads neither as text, whole number nor truth value."""

    text: str
    kind: str  # "float", "null", "timestamp", …


def read_yaml(text: bytes) -> Node:
    """
    Return the tree of a YAML file with one document; an empty file is an empty mapping.

    Raises:
        NotADefinitionFile: It is not YAML, or past a limit; the text names the line.
    """
    # Every conversion process imports this module, and most never read a definition file.
    from telemetry_server.probes.yaml_parser import tree_of

    if len(text) > MAX_BYTES:
        raise NotADefinitionFile(f"{len(text):,} bytes; at most {MAX_BYTES:,} are read")
    return tree_of(text)
