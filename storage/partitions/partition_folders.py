"""The folders that records are stored in, remembered by the values of their fields."""

from collections.abc import Mapping
from typing import Any

from storage.partitions.partition_path import folder_name
from storage.partitions.schema import PartitionSchema, value_text

MAX_REMEMBERED = 1024
# Clients choose the values: the memory for them is bounded.
MAX_REMEMBERED_CHARACTERS = 256

Texts = tuple[str | None, ...]


class PartitionFolders:
    """The folder names of the latest schema; many records have the same."""

    def __init__(self) -> None:
        self._schema: PartitionSchema | None = None
        self._fields: tuple[str, ...] = ()
        self._known: dict[Texts, tuple[str, ...]] = {}

    def of(self, fields: Mapping[str, Any], schema: PartitionSchema) -> tuple[str, ...]:
        """Return the folder of each level below the day for a record with these *fields*."""
        if schema is not self._schema:
            self._schema = schema
            self._fields = tuple(dict.fromkeys(("appName", *schema.field_names)))
            self._known.clear()
        texts = tuple(map(value_text, map(fields.get, self._fields)))
        found = self._known.get(texts)
        if found is None:
            found = tuple(map(folder_name, schema.values_of(fields)))
            if sum(len(text or "") for text in texts) <= MAX_REMEMBERED_CHARACTERS:
                if len(self._known) >= MAX_REMEMBERED:
                    self._known.clear()
                self._known[texts] = found
        return found
