"""One Scalars.yaml: its text → its definitions.  Source: Firefox's ``parse_scalars.py`` and its documents."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from telemetry_server.probes import fields
from telemetry_server.probes.definition import MAIN_STORE, ScalarDefinition
from telemetry_server.probes.errors import DefinitionProblem, NotADefinitionFile
from telemetry_server.probes.fields import Field, Mode, Problems, read_fields, shown, unique_pairs
from telemetry_server.probes.yaml_file import Node, Pairs, read_yaml

MAX_NAME_CHARACTERS = 40
MAX_DEFINITIONS = 20_000
MAX_KEYS = 100
MAX_KEY_CHARACTERS = 72
KINDS = frozenset({"uint", "string", "boolean"})
_CATEGORY = re.compile(r"[A-Za-z](?:[A-Za-z0-9.]*[A-Za-z])?", re.ASCII)
_PROBE = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z])?", re.ASCII)
# Some files of 2017 have dots in the names of probes.
_HISTORICAL_PROBE = re.compile(r"[A-Za-z](?:[A-Za-z0-9_.]*[A-Za-z])?", re.ASCII)


def _keys(value: Any, mode: Mode) -> str | None:
    wrong = fields.texts(value, mode)
    if wrong is not None:
        return wrong
    if len(value) > MAX_KEYS:
        return f"has {len(value)} entries; at most {MAX_KEYS} are allowed"
    long = next((key for key in value if not 0 < len(key) <= MAX_KEY_CHARACTERS), None)
    return None if long is None else f"has {shown(long)}: 1 to {MAX_KEY_CHARACTERS} characters are allowed"


FIELDS: Mapping[str, Field] = {
    "bug_numbers": Field(fields.whole_numbers, required=True),
    "description": Field(fields.text, required=True, required_in_history=True),
    "expires": Field(fields.expiry, required=True, required_in_history=True),
    "kind": Field(fields.word_of(KINDS), required=True, required_in_history=True),
    "notification_emails": Field(fields.addresses, required=True, required_in_history=True),
    "record_in_processes": Field(fields.PROCESSES, required=True),
    "products": Field(fields.PRODUCT_LIST, required=True),
    "release_channel_collection": Field(fields.CHANNEL_RULE),
    "keyed": Field(fields.boolean),
    "keys": Field(_keys),
    "operating_systems": Field(fields.OPERATING_SYSTEMS),
    "record_into_store": Field(fields.texts),
    "cpp_guard": Field(fields.text, only_in_history=True),
    "labels": Field(fields.texts, only_in_history=True),
}


@dataclass(frozen=True, slots=True)
class ScalarFile:
    """The definitions of one Scalars.yaml."""

    scalars: Mapping[str, ScalarDefinition]
    problems: tuple[DefinitionProblem, ...] = ()
    unusable: frozenset[str] = frozenset()  # names whose definition has an error


def parse_scalars(text: bytes, mode: Mode = Mode.HISTORICAL) -> ScalarFile:
    """
    Read the text of a Scalars.yaml; a definition with an error does not affect the others.

    Raises:
        NotADefinitionFile: It is not YAML, not a mapping of categories, or past the limits.
    """
    problems = Problems(mode)
    scalars: dict[str, ScalarDefinition] = {}
    unusable: set[str] = set()
    probe_form = _PROBE if mode is Mode.STRICT else _HISTORICAL_PROBE
    for category, probe, line, node in entries_of(read_yaml(text), problems, _CATEGORY, probe_form):
        name = f"{category}.{probe}"
        definition = _definition(name, line, node, problems)
        if definition is None:
            unusable.add(name)
            scalars.pop(name, None)
        else:
            unusable.discard(name)
            scalars[name] = definition
    return ScalarFile(scalars, tuple(problems.found), frozenset(unusable))


def entries_of(
    root: Node, problems: Problems, category_form: re.Pattern[str], probe_form: re.Pattern[str]
) -> Iterator[tuple[str, str, int, Node]]:
    """
    Yield category, probe, line and value of each entry of a file with two levels, of good names.

    Raises:
        NotADefinitionFile: It is not a mapping of categories, or has too many entries.
    """
    if not isinstance(root.value, Pairs):
        raise NotADefinitionFile("not a mapping of categories", root.line)
    entries = 0
    for category, (key, probes) in unique_pairs(root, "", problems).items():
        fault = _name_fault(category, category_form, "category")
        if fault is None and not (isinstance(probes.value, Pairs) and probes.value):
            fault = "the category has no probe"
        if fault is not None:
            problems.add(key.line, category[:MAX_NAME_CHARACTERS], fault)
            continue
        for probe, (probe_key, node) in unique_pairs(probes, category, problems).items():
            fault = _name_fault(probe, probe_form, "probe")
            if fault is not None:
                problems.add(probe_key.line, f"{category}.{probe[:MAX_NAME_CHARACTERS]}", fault)
                continue
            entries += 1
            if entries > MAX_DEFINITIONS:
                raise NotADefinitionFile(f"more than {MAX_DEFINITIONS:,} definitions", probe_key.line)
            yield category, probe, probe_key.line, node


def _name_fault(part: str, form: re.Pattern[str], what: str) -> str | None:
    if len(part) > MAX_NAME_CHARACTERS:
        return f"the {what} has {len(part)} characters; at most {MAX_NAME_CHARACTERS} are allowed"
    return None if form.fullmatch(part) else f"{shown(part)} is not the name of a {what}"


def _definition(name: str, line: int, node: Node, problems: Problems) -> ScalarDefinition | None:
    values = read_fields(name, line, node, FIELDS, problems)
    if values is None:
        return None
    keyed = values.get("keyed", False) in (True, "true")
    if "keys" in values and not keyed:
        problems.add(line, name, "it has keys and is not keyed")
        return None
    if keyed and values["kind"] == "string" and problems.mode is Mode.STRICT:
        problems.add(line, name, "a keyed scalar cannot be a string")
        return None
    return ScalarDefinition(
        name,
        line,
        expires=values["expires"],
        owners=tuple(values["notification_emails"]),
        # Files older than the rule meant the main process.
        processes=tuple(values.get("record_in_processes", ("main",))),
        stores=tuple(values.get("record_into_store", (MAIN_STORE,))),
        products=tuple(values.get("products", ())),
        systems=tuple(values.get("operating_systems", ())),
        is_opt_in=values.get("release_channel_collection", "opt-in") == "opt-in",
        description=values["description"].strip(),
        kind=values["kind"],
        keyed=keyed,
        keys=tuple(values.get("keys", ())),
    )
