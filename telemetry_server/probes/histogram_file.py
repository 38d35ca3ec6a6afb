"""
What Histograms.json says of each histogram besides its buckets.

Source: Firefox's ``parse_histograms.py``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from histogram_specs.errors import NotASpecFile
from histogram_specs.spec_file import SpecFile, load_definitions
from telemetry_server.probes import fields
from telemetry_server.probes.definition import MAIN_STORE, HistogramRules
from telemetry_server.probes.errors import DefinitionProblem, NotADefinitionFile
from telemetry_server.probes.fields import Field, Mode, shown

MAX_LABELS = 100
MAX_LABEL_CHARACTERS = 20
MAX_KEYS = 30
MAX_KEY_CHARACTERS = 20
MAX_BUCKETS = 100
MAX_HIGH = 2**31 - 1
_NAME = re.compile(r"[a-z][a-z0-9_]+[a-z0-9]", re.ASCII | re.IGNORECASE)
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_]*[A-Za-z0-9]", re.ASCII)
_PLAIN = frozenset({"boolean", "flag", "count"})
_BUCKETED = frozenset({"linear", "exponential"})
_KINDS = _PLAIN | _BUCKETED | {"enumerated", "categorical"}


def _number(most: int, least: int = 0) -> fields.Check:
    def check(value: Any, mode: Mode) -> str | None:
        # Old files write numbers as text, as sums, or by the name of a constant.
        if mode is Mode.HISTORICAL and isinstance(value, str):
            return None
        if type(value) is not int:
            return f"is {shown(value)}, not a whole number"
        if mode is Mode.STRICT and not least <= value <= most:
            return f"is {value}, not from {least} to {most}"
        return None

    return check


def _labels(value: Any, mode: Mode) -> str | None:
    wrong = fields.texts(value, mode)
    if wrong is not None or mode is Mode.HISTORICAL:
        return wrong
    if len(value) > MAX_LABELS:
        return f"has {len(value)} entries; at most {MAX_LABELS} are allowed"
    bad = next(
        (item for item in value if len(item) > MAX_LABEL_CHARACTERS or not _LABEL.fullmatch(item)), None
    )
    return (
        None if bad is None else f"has {shown(bad)}, not a name of at most {MAX_LABEL_CHARACTERS} characters"
    )


def _keys(value: Any, mode: Mode) -> str | None:
    wrong = fields.texts(value, mode)
    if wrong is not None or mode is Mode.HISTORICAL:
        return wrong
    if len(value) > MAX_KEYS:
        return f"has {len(value)} entries; at most {MAX_KEYS} are allowed"
    long = next((key for key in value if not 0 < len(key) <= MAX_KEY_CHARACTERS), None)
    return None if long is None else f"has {shown(long)}: 1 to {MAX_KEY_CHARACTERS} characters are allowed"


FIELDS: Mapping[str, Field] = {
    "kind": Field(fields.word_of(_KINDS), required=True),
    "description": Field(fields.text, required=True),
    "expires_in_version": Field(fields.expiry, required=True),
    "alert_emails": Field(fields.addresses, required=True),
    "bug_numbers": Field(fields.whole_numbers, required=True),
    "record_in_processes": Field(fields.PROCESSES, required=True),
    "products": Field(fields.PRODUCT_LIST, required=True),
    "operating_systems": Field(fields.OPERATING_SYSTEMS),
    "keyed": Field(fields.boolean),
    "releaseChannelCollection": Field(fields.CHANNEL_RULE),
    "keys": Field(_keys),
    "record_into_store": Field(fields.texts_or_empty),
    "extended_statistics_ok": Field(fields.boolean, only_in_history=True),
    "cpp_guard": Field(fields.text, only_in_history=True),
}
_OF_KIND: Mapping[str, Mapping[str, Field]] = {
    "enumerated": {"n_values": Field(_number(MAX_BUCKETS, 1), required=True)},
    "categorical": {
        "labels": Field(_labels, required=True),
        "n_values": Field(_number(MAX_BUCKETS, 1)),
    },
    **{
        kind: {
            "low": Field(_number(MAX_HIGH)),
            "high": Field(_number(MAX_HIGH, 1), required=True),
            "n_buckets": Field(_number(MAX_BUCKETS, 3), required=True),
        }
        for kind in _BUCKETED
    },
}
# Any kind may have these in files of some era.
_NUMBERS = frozenset({"low", "high", "n_buckets", "n_values", "labels"})


def histogram_rules(spec_file: SpecFile) -> dict[str, HistogramRules]:
    """Return what a file says of each histogram besides its buckets, read as in historical mode."""
    try:
        definitions = load_definitions(spec_file.text) if len(spec_file) else {}
    except NotASpecFile:
        return {}
    return {
        name: _rules(name, definition)
        for name, definition in definitions.items()
        if isinstance(definition, dict)
    }


def _rules(name: str, definition: Mapping[str, Any]) -> HistogramRules:
    expires = definition.get("expires_in_version", "never")
    description = definition.get("description")
    return HistogramRules(
        name,
        0,  # the line is looked up where it is needed
        expires=expires if isinstance(expires, str) else "never",
        owners=_texts(definition, "alert_emails"),
        processes=_texts(definition, "record_in_processes"),
        stores=_texts(definition, "record_into_store")
        if "record_into_store" in definition
        else (MAIN_STORE,),
        products=_texts(definition, "products"),
        systems=_texts(definition, "operating_systems"),
        is_opt_in=definition.get("releaseChannelCollection", "opt-in") != "opt-out",
        description=description if isinstance(description, str) else "",
        keyed=definition.get("keyed") in (True, "true"),
        keys=_texts(definition, "keys"),
    )


def _texts(definition: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = definition.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def problems_of(text: bytes, mode: Mode) -> list[DefinitionProblem]:
    """
    Return what is wrong with the definitions of a Histograms.json by the rules of *mode*.

    Raises:
        NotADefinitionFile: It is not a JSON object of definitions.
    """
    try:
        definitions = load_definitions(text)
        lines = SpecFile(text, {}).lines
    except NotASpecFile as error:
        raise NotADefinitionFile(str(error)) from None
    problems = [
        DefinitionProblem(lines.get(name, 1), name, detail)
        for name, definition in definitions.items()
        for detail in _details(name, definition, mode)
    ]
    if mode is Mode.STRICT:
        twice = sorted(_names_twice(text))
        problems += [DefinitionProblem(lines.get(name, 1), name, "it is defined twice") for name in twice]
    return sorted(problems)


def _details(name: str, definition: Any, mode: Mode) -> Iterator[str]:
    is_strict = mode is Mode.STRICT
    if is_strict and not (_NAME.fullmatch(name) and not name.startswith("LABELS_")):
        yield f"{shown(name)} is not the name of a histogram"
    if not isinstance(definition, dict):
        yield "the definition is not an object"
        return
    kind = definition.get("kind")
    known = {**FIELDS, **_OF_KIND.get(kind if isinstance(kind, str) else "", {})}
    for key, value in definition.items():
        field = known.get(key)
        if field is None and not is_strict and key in _NUMBERS:
            continue
        if field is None or (is_strict and field.only_in_history):
            yield f"the field {shown(key)} is not known" + (f" for kind {kind}" if key in _NUMBERS else "")
        elif (wrong := field.check(value, mode)) is not None:
            yield f"{key} {wrong}"
    if is_strict:
        yield from (
            f"the field {key} is missing"
            for key, field in known.items()
            if field.required and key not in definition
        )
    if "keys" in definition and definition.get("keyed") not in (True, "true"):
        yield "it has keys and is not keyed"


def _names_twice(text: bytes) -> set[str]:
    """Return the names that the outermost object, or an object in it, has twice."""
    twice: set[str] = set()

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(found)
        if len(names) != len(found):
            seen: set[str] = set()
            twice.update(name for name, _ in found if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        return names

    try:
        json.loads(text.decode("utf-8-sig", "replace"), object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return set()
    return twice
