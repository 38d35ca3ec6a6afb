"""Makes an example of what a JSON Schema describes: values of the right types, for people to look at."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any
from uuid import UUID

MAX_DEPTH = 8
MAX_PROPERTIES = 40
MOMENT = "2026-11-27T14:33:05.000Z"
FORMATS = {
    "date-time": MOMENT,
    "date": "2026-11-27",
    "time": "14:33:05Z",
    "uri": "https://example.org/",
    "email": "someone@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
}
Schema = Mapping[str, Any]


def sample_of_schema(schema: Schema, chance: Random) -> Any:
    """Return an example of *schema*, an object of any draft; references lead only to places in it."""
    return _Sampler(schema, chance).value(schema, 0)


class _Sampler:
    def __init__(self, root: Schema, chance: Random) -> None:
        self._root = root
        self._chance = chance

    def value(self, schema: Any, depth: int) -> Any:
        """Return an example; None below the deepest level."""
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
            return None
        schema = self._whole(schema)
        for name in ("const", "default"):
            if name in schema:
                return schema[name]
        for name in ("enum", "examples"):
            if isinstance(schema.get(name), list) and schema[name]:
                return schema[name][0]
        kind = _type_of(schema)
        if kind == "object":
            return dict(self._members(schema, depth))
        if kind == "array":
            items = schema.get("items")
            return [self.value(items, depth + 1)] if isinstance(items, Mapping) else []
        if kind in ("integer", "number"):
            return schema.get("minimum", 1)
        if kind == "boolean":
            return True
        return self._text(schema) if kind == "string" else None

    def _members(self, schema: Schema, depth: int) -> Iterator[tuple[str, Any]]:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return
        required = schema.get("required")
        first = [name for name in required if name in properties] if isinstance(required, list) else []
        for name in list(dict.fromkeys([*first, *properties]))[:MAX_PROPERTIES]:
            yield name, self.value(properties[name], depth + 1)

    def _whole(self, schema: Schema) -> Schema:
        """Return *schema* with its reference followed, and its parts joined."""
        for _ in range(MAX_DEPTH):
            reference = schema.get("$ref")
            if not isinstance(reference, str):
                break
            schema = self._found(reference)
        parts = [schema]
        if isinstance(schema.get("allOf"), list):
            parts += [self._whole(part) for part in schema["allOf"] if isinstance(part, Mapping)]
        for name in ("anyOf", "oneOf"):
            if isinstance(schema.get(name), list) and schema[name] and isinstance(schema[name][0], Mapping):
                parts.append(self._whole(schema[name][0]))
        joined: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        for part in parts:
            joined |= {name: value for name, value in part.items() if name not in joined}
            if isinstance(part.get("properties"), Mapping):
                properties |= part["properties"]
        return joined | ({"properties": properties} if properties else {})

    def _found(self, reference: str) -> Schema:
        place: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            if step:
                name = step.replace("~1", "/").replace("~0", "~")
                place = place.get(name) if isinstance(place, Mapping) else None
        return place if reference.startswith("#") and isinstance(place, Mapping) else {}

    def _text(self, schema: Schema) -> str:
        pattern = schema.get("pattern")
        if schema.get("format") == "uuid" or (isinstance(pattern, str) and "{8}" in pattern):
            return str(UUID(int=self._chance.getrandbits(128), version=4))
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        if isinstance(pattern, str):
            return MOMENT if "T" in pattern and "{4}" in pattern else ""
        return "text"


def _type_of(schema: Schema) -> str | None:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), None)
    if kind is None and "properties" in schema:
        return "object"
    return kind if isinstance(kind, str) else None
