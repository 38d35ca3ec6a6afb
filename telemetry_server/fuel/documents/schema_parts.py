"""What the schemas are made of."""

from typing import Any

from telemetry_server.fuel.documents.doctypes import MAX_INTEGER, MAX_UID_CHARACTERS, MIN_INTEGER

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
NUMBER = {"type": "number"}
NUMBER_OR_NULL = {"type": ["number", "null"]}
OBJECT = {"type": "object"}
LIST = {"type": "array"}
TEXTS = {"type": "array", "items": TEXT}
INTEGER = {"type": "integer", "minimum": MIN_INTEGER, "maximum": MAX_INTEGER}
INTEGER_OR_NULL = {**INTEGER, "type": ["integer", "null"]}
COUNT = {"type": "integer"}
UID = {"type": "string", "maxLength": MAX_UID_CHARACTERS}
SUCCESS = {"status": {"enum": ["ok"]}, "exec_time": {"type": "number", "minimum": 0}}

Schema = dict[str, Any]


def record(properties: Schema, required: tuple[str, ...] = (), *, is_closed: bool = False) -> Schema:
    """Return the schema of an object."""
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    if is_closed:
        schema["additionalProperties"] = False
    return schema
