"""Filters of folders: a partition schema as the choice of what a job reads."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from storage.errors import BadPartitionSchema
from storage.partitions.partition_path import folder_name
from storage.partitions.schema import SUBMISSION_DATE, Allowed, OneOf, parse_dimensions
from telemetry_server.mapreduce.errors import BadFilter, UnreadableFile
from telemetry_server.settings.nearest_name import did_you_mean


@dataclass(frozen=True, slots=True)
class FolderFilter:
    """The wanted folders by dimension; a dimension that is left out allows everything."""

    wanted: Mapping[str, Allowed]

    @property
    def digest(self) -> str:
        """A hash of what is wanted."""
        described = {name: allowed.as_json() for name, allowed in sorted(self.wanted.items())}
        return sha256(json.dumps(described).encode()).hexdigest()

    def refusing(self, folders: Iterable[tuple[str, str]]) -> str | None:
        """Return the first dimension of *folders* (dimension, folder name) whose folder is not wanted."""
        for name, folder in folders:
            allowed = self.wanted.get(name)
            if allowed is not None and not allowed.allows(folder):
                return name
        return None


EVERYTHING = FolderFilter({})


def read_filter(path: Path, known: Iterable[str]) -> FolderFilter:
    """
    Return the filter in the file *path*.

    Raises:
        UnreadableFile: It cannot be read.
        BadFilter: It is not valid, or names an unknown dimension.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from None
    return parse_filter(text, str(path), known)


def parse_filter(text: bytes, subject: str, known: Iterable[str]) -> FolderFilter:
    """
    Return the filter in *text*.

    Args:
        subject: Names the filter in messages.
        known: The dimensions that stored records have.

    Raises:
        BadFilter: It is not valid, or names a dimension that is not *known*.
    """
    try:
        dimensions = parse_dimensions(text, subject)
    except BadPartitionSchema as error:
        raise BadFilter(str(error)) from None
    names = {*known, SUBMISSION_DATE}
    for dimension in dimensions:
        if dimension.field_name not in names:
            suggestion = did_you_mean(dimension.field_name, sorted(names))
            raise BadFilter(f"{subject}: no dimension {dimension.field_name!r}{suggestion}")
    return FolderFilter({d.field_name: _of_folders(d.allowed) for d in dimensions})


def _of_folders(allowed: Allowed) -> Allowed:
    """Values as folder names: ``saved-session`` and ``saved_session`` are one."""
    return OneOf(tuple(map(folder_name, allowed.values))) if isinstance(allowed, OneOf) else allowed
