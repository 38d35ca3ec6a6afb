"""Holds the scalars of one section of a ping against their definitions."""

from collections.abc import Iterator, Mapping
from typing import Any

from telemetry_server.probes.definition import ScalarDefinition
from telemetry_server.probes.expectation import Expectations, Fault, ScalarExpectation, wrong_process
from telemetry_server.probes.fields import shown
from telemetry_server.probes.marks import Mark, MarkName
from telemetry_server.probes.processes import DYNAMIC, is_allowed

MAX_UINT = 2**32 - 1
MAX_STRING_CHARACTERS = 50
MAX_KEY_CHARACTERS = 72
MAX_KEYS = 100
# Counts of events have a key for each event.
MAX_KEYS_OF = {"telemetry.event_counts": 500, "telemetry.dynamic_event_counts": 500}


def scalar_marks(
    process: str, values: Mapping[str, Any], expectations: Expectations, *, keyed: bool
) -> Iterator[Mark]:
    """Yield a mark for each thing that a scalar in the section of *process* breaks."""
    if process == DYNAMIC:
        yield from _dynamic_marks(process, values, keyed)
        return
    if process not in expectations.registry.sections:
        for label in values:
            yield Mark(MarkName.UNKNOWN_PROCESS, f"{shown(process)} is not a section", label, process)
        return
    if not expectations.has_scalars:
        return
    clean: Mapping[str, Any] = {} if keyed else expectations.clean_scalars(process)
    for label, value in values.items():
        kind = clean.get(label)
        # Most values: inline, because a ping has hundreds.
        if kind is value.__class__ and (
            0 <= value <= MAX_UINT if kind is int else kind is bool or len(value) <= MAX_STRING_CHARACTERS
        ):
            continue
        expected = expectations.scalar(label)
        if expected is not None:
            yield from _defined_marks(expected, label, value, process, keyed)
        elif not expectations.registry.is_unusable_scalar(label):
            yield Mark(MarkName.UNKNOWN_METRIC, "no definition has this name", label, process)


def _defined_marks(
    expected: ScalarExpectation, label: str, value: Any, process: str, keyed: bool
) -> Iterator[Mark]:
    definition, faults = expected
    for name, detail in faults:
        yield Mark(name, detail, label, process)
    if not is_allowed(definition.processes, process):
        yield Mark(*wrong_process(definition.processes, process), label, process)
    if definition.keyed is not keyed:
        is_defined = "keyed" if definition.keyed else "not keyed"
        detail = f"it is defined as {is_defined} and was sent as {'keyed' if keyed else 'not keyed'}"
        yield Mark(MarkName.KEYED_MISMATCH, detail, label, process)
    elif keyed:
        yield from _keyed_marks(definition, value, label, process)
    elif value.__class__ is not int or definition.kind != "uint" or not 0 <= value <= MAX_UINT:
        for name, detail in _value_faults(definition.kind, value):
            yield Mark(name, detail, label, process)


def _keyed_marks(definition: ScalarDefinition, by_key: Any, label: str, process: str) -> Iterator[Mark]:
    if not isinstance(by_key, dict):
        yield Mark(MarkName.KEYED_MISMATCH, f"it is {shown(by_key)}, not an object by key", label, process)
        return
    allowed = frozenset(definition.keys)
    if allowed:
        folded = {key.casefold() for key in allowed}
        for key in by_key:
            if key not in allowed:
                is_known = key.casefold() in folded
                name = MarkName.KEY_CASE if is_known else MarkName.KEY_NOT_ALLOWED
                yield Mark(name, f"the key {shown(key)} is not on its list", label, process, key)
    most = MAX_KEYS_OF.get(label, MAX_KEYS)
    if len(by_key) > most and not allowed:
        yield Mark(MarkName.OVER_LIMIT, f"it has {len(by_key)} keys; at most {most}", label, process)
    for key, value in by_key.items():
        if not 0 < len(key) <= MAX_KEY_CHARACTERS:
            yield Mark(MarkName.OVER_LIMIT, f"a key has {len(key)} characters, not 1 to 72", label, process)
        for name, detail in _value_faults(definition.kind, value):
            yield Mark(name, detail, label, process, key)


def _value_faults(kind: str, value: Any) -> Iterator[Fault]:
    if kind == "uint":
        if type(value) is not int or value < 0:
            yield MarkName.WRONG_KIND, f"{shown(value)} is not a whole number from 0"
        elif value > MAX_UINT:
            yield MarkName.UINT_RANGE, f"{shown(value)} is more than 2^32-1"
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield MarkName.WRONG_KIND, f"{shown(value)} is neither true nor false"
    elif not isinstance(value, str):
        yield MarkName.WRONG_KIND, f"{shown(value)} is not a string"
    elif len(value) > MAX_STRING_CHARACTERS:
        yield MarkName.OVER_LIMIT, f"the string has {len(value)} characters; at most {MAX_STRING_CHARACTERS}"


def _dynamic_marks(process: str, values: Mapping[str, Any], keyed: bool) -> Iterator[Mark]:
    """Add-ons register their scalars at run time: no definition is known, only the types can be checked."""
    for label, value in values.items():
        of_keys = value.items() if keyed and isinstance(value, dict) else ((None, value),)
        for key, each in of_keys:
            if not isinstance(each, bool | str) and (type(each) is not int or each < 0):
                detail = f"{shown(each)} is not the value of a scalar"
                yield Mark(MarkName.WRONG_KIND, detail, label, process, key)
