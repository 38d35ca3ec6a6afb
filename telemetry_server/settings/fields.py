"""
Fields of the table of settings: each has a default, a description, and the parser of its values.

The table is a plain dataclass.  A model of pydantic would take a third of the time of a short command.
"""

from collections.abc import Callable
from dataclasses import field, fields
from functools import cache
from typing import Any

DESCRIPTION, PARSER = "description", "parser"
Parser = Callable[[object], Any]


def setting(default: Any, description: str, parse: Parser) -> Any:
    """Return the field of a setting; *parse* raises ValueError for values that are not valid."""
    return field(default=default, metadata={DESCRIPTION: description, PARSER: parse})


def computed_setting(default: Callable[[], Any], description: str, parse: Parser) -> Any:
    """Return the field of a setting whose default depends on the machine."""
    return field(default_factory=default, metadata={DESCRIPTION: description, PARSER: parse})


@cache
def parsers(table: type) -> dict[str, Parser]:
    """Return the parser of each setting of *table*, in the order in which values are checked."""
    return {each.name: each.metadata[PARSER] for each in fields(table) if PARSER in each.metadata}


def descriptions(table: type) -> dict[str, str]:
    """Return the description of each setting of *table*."""
    return {each.name: each.metadata[DESCRIPTION] for each in fields(table) if PARSER in each.metadata}
