"""
The paths of schemas in a folder: ``<namespace>/<doctype>/<doctype>.<version>.schema.json``.

The doctype is that of the file's name: mozilla-pipeline-schemas has ``glean-min`` beside ``glean``.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from telemetry_server.doctypes.errors import BadSchemaPath

SUFFIX = ".schema.json"
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_FORM = "<namespace>/<doctype>/<doctype>.<version>.schema.json"


class DoctypeKey(NamedTuple):
    """The namespace, doctype and version of a schema; case counts."""

    namespace: str
    doctype: str
    docversion: str  # text, as in paths

    def __str__(self) -> str:
        return f"{self.namespace}/{self.doctype}/{self.docversion}"

    @property
    def path(self) -> str:
        """The path of its schema, below the folder."""
        return f"{self.namespace}/{self.doctype}/{self.doctype}.{self.docversion}{SUFFIX}"


def key_of(path: str) -> DoctypeKey:
    """
    The key of the schema at *path*, below its folder.

    Raises:
        BadSchemaPath: The path has another form.
    """
    parts = path.split("/")
    if len(parts) != 3:
        raise BadSchemaPath(f"{path}: not at {_FORM}")
    namespace, _, name = parts
    doctype, _, docversion = name.removesuffix(SUFFIX).rpartition(".")
    if not all(_SEGMENT.fullmatch(part) for part in (namespace, doctype, docversion)):
        raise BadSchemaPath(f"{path}: not at {_FORM}, each letters, digits and . _ + - only")
    return DoctypeKey(namespace, doctype, docversion)


def schema_paths(folder: Path) -> Iterator[str]:
    """
    The schema files of *folder*, as paths below it, in order; links that lead out of it are skipped.

    Raises:
        OSError: *folder* cannot be read.
    """
    root = folder.resolve(strict=True)
    for directory, subfolders, names in os.walk(root, onerror=_raise):
        # Hidden folders are a checkout's .git, or parts of an atomic swap.
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            path = Path(directory, name)
            if name.endswith(SUFFIX) and path.resolve().is_relative_to(root):
                yield path.relative_to(root).as_posix()


def _raise(error: OSError) -> None:
    raise error
