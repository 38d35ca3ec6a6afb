"""What changed from one spec file to another."""

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
    """A field of a definition, as it was and as it is; None where it is not written."""

    field: str  # as spec files spell it
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """A name that both files define, differently."""

    name: str
    fields: tuple[FieldChange, ...]
    buckets_changed: bool  # whether rows of the one cannot be read by the other


@dataclass(frozen=True, slots=True)
class SpecDifference:
    """All that differs, each in the order of names."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[DefinitionChange, ...]


def diff_spec_files(old: SpecFile, new: SpecFile, constants: Constants = CONSTANTS) -> SpecDifference:
    """Compare two files; how a number is written (``"10 * 10"`` or 100) makes no difference."""
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
        # As JSON: 1 is not true.
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
    """Return what *written* comes to, a list where releases differ, and itself where it is not a sum."""
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
