"""The fields of a record as columns; see ``_fields.c``."""

from collections.abc import Mapping
from typing import Any

def fields(
    record: Mapping[str, Any],
    words: dict[Any, int],
    experiment_sets: dict[Any, int],
    os_names: dict[str, str],
) -> tuple[bytes, bytes, bytes, bytes, bytes, bytes, int | None] | None: ...
