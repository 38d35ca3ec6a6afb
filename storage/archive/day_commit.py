"""
Commits of an archive: documents ``commits/<number>.json``, one for each change of a day.

The last commit of a day lists all its objects.  Numbers have no gaps, and a document is never replaced:
of two writers that make the same number, the store refuses one.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.archive.object_reading import BLOCK_BYTES
from storage.errors import DamagedObject

FORMAT = 1
OWNER_KEY = "archive.json"
"""The object that names the data root of an archive; stored first."""
_PART = re.compile(r"\A(.+)\.([a-z]+)\Z")
HASH_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class CommittedObject:
    """One object of a day, and the file that it is a copy of."""

    path: str  # of the file, below the data root
    key: str  # of the object
    length: int  # in bytes
    sha256: str
    blocks: bytes
    facts: Mapping[str, Any]  # of records: records, frames, schema; of tables: table, rows


@dataclass(frozen=True, slots=True)
class DayCommit:
    """What one commit says: the objects of a day."""

    number: int
    root_id: str
    attempt: str  # a random word of the writer
    made: str  # when, UTC
    day: str  # YYYYMMDD
    objects: tuple[CommittedObject, ...]
    schemas: Mapping[str, Any]  # the partition schemas of the records, by number

    @property
    def key(self) -> str:
        """The key of the document."""
        return key_of(self.number)

    def packed(self) -> bytes:
        """Return the document."""
        files = [
            {
                "path": each.path,
                "object": each.key,
                "bytes": each.length,
                "sha256": each.sha256,
                "crc32c": each.blocks.hex(),
                **each.facts,
            }
            for each in self.objects
        ]
        document = {
            "format": FORMAT,
            "commit": self.number,
            "data_root": self.root_id,
            "attempt": self.attempt,
            "made": self.made,
            "day": self.day,
            "block_bytes": BLOCK_BYTES,
            "schemas": dict(self.schemas),
            "files": files,
        }
        return json.dumps(document, indent=1).encode() + b"\n"


OWN_FIELDS = ("path", "object", "bytes", "sha256", "crc32c")


def parse_commit(text: bytes, place: str) -> DayCommit:
    """
    Parse a document.

    Raises:
        DamagedObject: It is not one, or of another format.
    """
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}")
        objects = tuple(
            CommittedObject(
                str(each["path"]),
                str(each["object"]),
                int(each["bytes"]),
                str(each["sha256"]),
                bytes.fromhex(each["crc32c"]),
                {name: value for name, value in each.items() if name not in OWN_FIELDS},
            )
            for each in found["files"]
        )
        return DayCommit(
            int(found["commit"]),
            str(found["data_root"]),
            str(found["attempt"]),
            str(found["made"]),
            str(found["day"]),
            objects,
            dict(found["schemas"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedObject(f"{place}: not a commit of an archive ({error})") from None


def key_of(number: int) -> str:
    """Return the key of commit *number*."""
    return f"commits/{number:010}.json"


def object_key(path: str, sha256: str) -> str:
    """
    Return the key for a copy of the file *path* with this checksum: ``…/part-0000000012.<hash>.zst``.

    Other bytes have another key, so an object is never replaced by another one.
    """
    found = _PART.match(path)
    stem, suffix = found.groups() if found else (path, "bin")
    return f"{stem}.{sha256[:HASH_CHARACTERS]}.{suffix}"


def packed_owner(root_id: str) -> bytes:
    """Return the object `OWNER_KEY` of the archive of the data root with *root_id*."""
    return json.dumps({"format": FORMAT, "data_root": root_id}).encode() + b"\n"


def parse_owner(text: bytes, place: str) -> str:
    """
    Return the id of the data root from the object `OWNER_KEY`.

    Raises:
        DamagedObject: It is not such an object, or of another format.
    """
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}")
        return str(found["data_root"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedObject(f"{place}: not the beginning of an archive ({error})") from None
