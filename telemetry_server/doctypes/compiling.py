"""
Compiles the text of a JSON Schema into a validator with bounded run time.

- ``$ref`` works within the document only: nothing is fetched, no other file is read.
- Patterns run in linear time.  A pattern with lookaround needs a backtracking engine: it stops after
  `BACKTRACK_LIMIT` steps and counts as not matched.
- Drafts 4, 6, 7, 2019-09 and 2020-12, named by ``$schema``; without it, 2020-12.
- ``format`` is checked alike in every draft: every format that 2020-12 defines, or none.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from telemetry_server.doctypes.errors import BadSchema

if TYPE_CHECKING:
    from jsonschema_rs import Validator

MAX_SCHEMA_BYTES = 4 << 20
BACKTRACK_LIMIT = 10_000
COMPILED_PATTERN_BYTES = 1 << 20
MAX_REASON_CHARACTERS = 200

# Replaces values in messages, which must not contain text of a payload.
MASK = "…"


# Drafts before 2020-12 define only some of these; the library checks only those of the schema's draft.
FORMATS_OF_LATER_DRAFTS = (
    *("duration", "uuid", "idn-hostname", "iri", "iri-reference"),
    *("uri-reference", "uri-template", "json-pointer", "relative-json-pointer"),
)


def compile_schema(text: bytes, *, check_formats: bool = True) -> "Validator":
    """
    Compile *text*.

    Args:
        check_formats: Whether ``format`` refuses values; otherwise it is only an annotation.

    Raises:
        BadSchema: The text is too large, not JSON, not a valid schema, of an unknown draft,
            or has an external ``$ref``.
    """
    # Here, because most servers have no schemas, and it takes 4 MiB of each process.
    import jsonschema_rs

    if len(text) > MAX_SCHEMA_BYTES:
        raise BadSchema(f"{len(text)} bytes, at most {MAX_SCHEMA_BYTES} are accepted")
    schema = _loaded(text)
    try:
        return jsonschema_rs.validator_for(
            schema,
            offline=True,
            mask=MASK,
            validate_formats=check_formats,
            formats=_later_formats() if check_formats else None,
            pattern_options=jsonschema_rs.FancyRegexOptions(
                backtrack_limit=BACKTRACK_LIMIT,
                size_limit=COMPILED_PATTERN_BYTES,
                dfa_size_limit=COMPILED_PATTERN_BYTES,
            ),
        )
    except (jsonschema_rs.ValidationError, ValueError, RecursionError) as error:
        raise BadSchema(_first_line(error)) from None


@cache
def _later_formats() -> dict[str, Callable[[str], bool]]:
    """Checks of `FORMATS_OF_LATER_DRAFTS`, for schemas of any draft."""
    import jsonschema_rs

    return {
        name: jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True).is_valid
        for name in FORMATS_OF_LATER_DRAFTS
    }


def _loaded(text: bytes) -> dict[str, Any]:
    try:
        schema = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadSchema(f"not valid JSON: {error.msg} at byte {error.pos}") from None
    if not isinstance(schema, dict):
        raise BadSchema("not a JSON object")
    return schema


def _first_line(error: Exception) -> str:
    line = str(error).strip().split("\n", 1)[0]
    return line if len(line) <= MAX_REASON_CHARACTERS else line[:MAX_REASON_CHARACTERS] + "…"
