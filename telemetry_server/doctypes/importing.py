"""Copies the usable schemas of a checkout into the operator's folder."""

from dataclasses import dataclass
from pathlib import Path

from storage.disk import Disk
from telemetry_server.doctypes.compiling import MAX_SCHEMA_BYTES, compile_schema
from telemetry_server.doctypes.errors import BadSchema, BadSchemaPath
from telemetry_server.doctypes.layout import DoctypeKey, key_of, schema_paths

TOP_FOLDER = "schemas"  # of a mozilla-pipeline-schemas checkout


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The imported and the refused files."""

    taken: tuple[DoctypeKey, ...]
    refused: tuple[tuple[str, str], ...]  # file below the source, what is wrong with it


def import_schemas(source: Path, schemas_dir: Path, disk: Disk) -> ImportResult:
    """
    Copy every usable schema below *source* (or its ``schemas/``) into *schemas_dir*.

    An existing schema is replaced atomically; schemas that are only in *schemas_dir* stay.

    Raises:
        OSError: A folder cannot be read or written.
    """
    if (source / TOP_FOLDER).is_dir():
        source = source / TOP_FOLDER
    taken: list[DoctypeKey] = []
    refused: list[tuple[str, str]] = []
    for path in schema_paths(source):
        try:
            key = key_of(path)
            with (source / path).open("rb") as stream:
                text = stream.read(MAX_SCHEMA_BYTES + 1)
            compile_schema(text)
        except (BadSchema, BadSchemaPath) as error:
            refused.append((path, str(error)))
            continue
        _put(text, schemas_dir / key.path, disk)
        taken.append(key)
    return ImportResult(tuple(taken), tuple(refused))


def _put(text: bytes, target: Path, disk: Disk) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_bytes(text)
    disk.rename(partial, target)
