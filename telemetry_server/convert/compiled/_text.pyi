"""The compiled walk over the text of a ping; see ``_text.c``."""

from collections.abc import Mapping
from typing import Any

def split(
    text: bytes, plan: dict[str, Any], opened: type[dict[str, Any]], packable: type[Any]
) -> tuple[dict[str, Any], bytes] | None: ...
def pack(
    text: bytes, layouts: Mapping[str, bytes | None] | bytes | None, is_keyed: bool
) -> tuple[list[bytes | tuple[str, int, int]], int, int, bytes] | None: ...
def columns(
    text: bytes, layouts: dict[str, bytes | None], is_keyed: bool, large: list[int]
) -> tuple[list[str], bytes, bytes, bytes, bytes, bytes] | None: ...
