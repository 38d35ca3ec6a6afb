"""One Events.yaml: its text → its definitions.  Source: Firefox's ``parse_events.py`` and its documents."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from telemetry_server.probes import fields
from telemetry_server.probes.definition import EventDefinition
from telemetry_server.probes.errors import DefinitionProblem
from telemetry_server.probes.fields import Field, Mode, Problems, read_fields, shown
from telemetry_server.probes.scalar_file import entries_of
from telemetry_server.probes.yaml_file import Node, read_yaml

MAX_CATEGORY_CHARACTERS = 30
MAX_METHOD_CHARACTERS = 20
MAX_OBJECT_CHARACTERS = 20
MAX_EXTRA_KEYS = 10
MAX_EXTRA_KEY_CHARACTERS = 15
# Methods times objects of one entry: far above the largest known one.
MAX_TRIPLES = 10_000

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_.]*[A-Za-z0-9]", re.ASCII)
_ENTRY = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


def _identifiers(most_characters: int) -> fields.Check:
    def check(value: Any, mode: Mode) -> str | None:
        wrong = fields.texts(value, mode)
        if wrong is not None:
            return wrong
        bad = next((item for item in value if not _is_identifier(item, most_characters)), None)
        return (
            None if bad is None else f"has {shown(bad)}, not a name of at most {most_characters} characters"
        )

    return check


def _is_identifier(text: str, most_characters: int) -> bool:
    return len(text) <= most_characters and _IDENTIFIER.fullmatch(text) is not None


def _extra_keys(value: Any, mode: Mode) -> str | None:
    if not isinstance(value, dict):
        return f"is {shown(value)}, not a mapping of key and description"
    if not value:
        return "is an empty mapping"
    # Older parsers did not check the limits.
    if mode is Mode.STRICT:
        if len(value) > MAX_EXTRA_KEYS:
            return f"has {len(value)} keys; at most {MAX_EXTRA_KEYS} are allowed"
        bad = next((key for key in value if not _is_identifier(key, MAX_EXTRA_KEY_CHARACTERS)), None)
        if bad is not None:
            return f"has {shown(bad)}, not a name of at most {MAX_EXTRA_KEY_CHARACTERS} characters"
    return None


FIELDS: Mapping[str, Field] = {
    "objects": Field(_identifiers(MAX_OBJECT_CHARACTERS), required=True, required_in_history=True),
    "bug_numbers": Field(fields.whole_numbers, required=True, required_in_history=True),
    "notification_emails": Field(fields.addresses, required=True, required_in_history=True),
    "record_in_processes": Field(fields.PROCESSES, required=True),
    "description": Field(fields.text, required=True, required_in_history=True),
    "products": Field(fields.PRODUCT_LIST, required=True),
    "expiry_version": Field(fields.expiry, required=True),
    "expiry_date": Field(fields.text, only_in_history=True, any_scalar=True),
    "methods": Field(_identifiers(MAX_METHOD_CHARACTERS)),
    "extra_keys": Field(_extra_keys),
    "release_channel_collection": Field(fields.CHANNEL_RULE),
    "operating_systems": Field(fields.OPERATING_SYSTEMS),
    "cpp_guard": Field(fields.text, only_in_history=True),
}

Triple = tuple[str, str, str]  # category, method, object


@dataclass(frozen=True, slots=True)
class EventFile:
    """The definitions of one Events.yaml, by entry and by what clients send."""

    events: Mapping[str, EventDefinition]
    triples: Mapping[Triple, EventDefinition]
    problems: tuple[DefinitionProblem, ...] = ()


def parse_events(text: bytes, mode: Mode = Mode.HISTORICAL) -> EventFile:
    """
    Read the text of an Events.yaml; an entry with an error does not affect the others.

    Raises:
        NotADefinitionFile: It is not YAML, not a mapping of categories, or past the limits.
    """
    problems = Problems(mode)
    events: dict[str, EventDefinition] = {}
    triples: dict[Triple, EventDefinition] = {}
    for category, entry, line, node in entries_of(read_yaml(text), problems, _IDENTIFIER, _ENTRY):
        if len(category) > MAX_CATEGORY_CHARACTERS:
            problems.add(line, category, f"a category has at most {MAX_CATEGORY_CHARACTERS} characters")
            continue
        definition = _definition(category, entry, line, node, problems)
        if definition is None:
            continue
        twice = next((triple for triple in _triples_of(definition) if triple in triples), None)
        if twice is not None:
            detail = f"method {twice[1]!r} on object {twice[2]!r} is defined in {triples[twice].name}, too"
            problems.warn(line, definition.name, detail)
        events[definition.name] = definition
        triples.update(dict.fromkeys(_triples_of(definition), definition))
    return EventFile(events, triples, tuple(problems.found))


def _triples_of(definition: EventDefinition) -> Iterator[Triple]:
    for method in definition.methods:
        for object_ in definition.objects:
            yield definition.category, method, object_


def _definition(
    category: str, entry: str, line: int, node: Node, problems: Problems
) -> EventDefinition | None:
    name = f"{category}.{entry}"
    values = read_fields(name, line, node, FIELDS, problems)
    if values is None:
        return None
    if "expiry_version" not in values and "expiry_date" not in values:
        problems.add(line, name, "the field expiry_version is missing")
        return None
    methods = tuple(values.get("methods", (entry,)))
    objects = tuple(values["objects"])
    if len(methods) * len(objects) > MAX_TRIPLES:
        problems.add(line, name, f"more than {MAX_TRIPLES:,} pairs of method and object")
        return None
    return EventDefinition(
        name,
        line,
        # A date, which old files may have instead, says nothing of versions.
        expires=values.get("expiry_version", "never"),
        owners=tuple(values["notification_emails"]),
        processes=tuple(values.get("record_in_processes", ("main",))),
        products=tuple(values.get("products", ())),
        systems=tuple(values.get("operating_systems", ())),
        is_opt_in=values.get("release_channel_collection", "opt-in") == "opt-in",
        description=values["description"].strip(),
        category=category,
        methods=methods,
        objects=objects,
        extra_keys=tuple(values.get("extra_keys", ())),
    )
