"""Compares two spec files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from histogram_specs.definition import NUMBERS
from histogram_specs.errors import BadExpression
from histogram_specs.expressions import CONSTANTS, Constants, evaluate, meanings
from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import SpecFile, load_definitions


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a definition, old and new; None if it is missing."""

    field: str  # name as in spec files
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """A histogram that both files define, differently."""

    name: str
    fields: tuple[FieldChange, ...]
    buckets_changed: bool  # whether rows of one file cannot be read with the other


@dataclass(frozen=True, slots=True)
class SpecDifference:
    """All differences, each list ordered by name."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[DefinitionChange, ...]


def diff_spec_files(old: SpecFile, new: SpecFile, constants: Constants = CONSTANTS) -> SpecDifference:
    """Return the differences; spellings of a number (``"10 * 10"`` or 100) are equal."""
    old_written, new_written = load_definitions(old.text), load_definitions(new.text)
    changed = []
    for name in sorted(old_written.keys() & new_written.keys()):
        fields = _changes(_meant(old_written[name], constants), _meant(new_written[name], constants))
        if fields:
            changed.append(DefinitionChange(name, fields, _starts(old, name) != _starts(new, name)))
    return SpecDifference(
        added=tuple(sorted(new_written.keys() - old_written.keys())),
        removed=tuple(sorted(old_written.keys() - new_written.keys())),
        changed=tuple(changed),
    )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(field, old.get(field), new.get(field))
        for field in sorted(old.keys() | new.keys())
        # Compared as JSON, because in Python 1 == True.
        if _text(old.get(field)) != _text(new.get(field))
    )


def _meant(definition: Any, constants: Constants) -> Mapping[str, Any]:
    if not isinstance(definition, dict):
        return {"": definition}
    meant = dict(definition)
    for field in NUMBERS:
        if isinstance(meant.get(field), str):
            meant[field] = _number(meant[field], constants)
    if meant.get("keyed") in ("true", "false"):
        meant["keyed"] = meant["keyed"] == "true"
    if meant.get("keyed") is False:
        del meant["keyed"]
    return meant


def _number(written: str, constants: Constants) -> int | list[int] | str:
    """Return the value of *written*; a list if releases differ, *written* if it is not an expression."""
    try:
        numbers = [evaluate(written, meaning) for meaning in meanings([written], constants)]
    except BadExpression:
        return written
    return numbers[0] if len(numbers) == 1 else numbers


def _text(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _starts(spec_file: SpecFile, name: str) -> tuple[tuple[int, ...], ...]:
    found = spec_file.find(name)
    return tuple(one.starts for one in found.all_buckets) if isinstance(found, HistogramSpec) else ()
