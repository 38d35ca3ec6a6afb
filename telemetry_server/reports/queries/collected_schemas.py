"""The registered schemas as documents, for the transparency page."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from telemetry_server.doctypes.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """A schema."""

    document: Mapping[str, Any]
    is_ours: bool  # it comes with the package, and describes a form, not a purpose


def schemas_of(schemas_dir: Path | None) -> Mapping[tuple[str, str], RegisteredSchema]:
    """Return the schema of the newest version of each doctype, those of the package included."""
    try:
        entries = Catalogue(schemas_dir, check_formats=False).entries()
    except OSError:
        entries = Catalogue(check_formats=False).entries()
    found: dict[tuple[str, str], RegisteredSchema] = {}
    # 2 before 10, so that the newest is the last.
    for entry in sorted(entries, key=lambda each: (len(each.key.docversion), each.key.docversion)):
        status = entry.file.stat()
        document = _document(entry.file, status.st_mtime_ns, status.st_size)
        if document is not None:
            key = entry.key.namespace, entry.key.doctype
            found[key] = RegisteredSchema(document, entry.is_shipped)
    return found


@lru_cache(maxsize=512)
def _document(file: Path, _changed: int, _size: int) -> Mapping[str, Any] | None:
    try:
        document = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return document if isinstance(document, dict) else None
