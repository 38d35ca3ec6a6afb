"""The compiled walk over the text of a ping; see ``_text.c``."""

from collections.abc import Callable, Mapping
from typing import Any

def split(
    text: bytes, plan: dict[str, Any], opened: type[dict[str, Any]], packable: type[Any]
) -> tuple[dict[str, Any], bytes] | None: ...
def known_names() -> object: ...
def pack(
    text: bytes,
    layouts: Mapping[str, bytes | tuple[Any, bytes]] | bytes | tuple[Any, bytes],
    known: object,
    is_keyed: bool,
    notes_cells: bool,
    reasons: tuple[Any, ...],
    where: str,
    histogram: str | None,
) -> (
    tuple[
        list[bytes | tuple[str, int, int] | tuple[Any, bytes]],
        list[str],
        int,
        int,
        bytes,
        bytes | None,
        list[str],
    ]
    | None
): ...
def columns(
    text: bytes,
    is_keyed: bool,
    layouts: dict[str, bytes | None],
    known: bytearray,
    find: Callable[[int], int],
    ping: int,
    process: str,
    into: tuple[Any, ...],
) -> bool: ...
def known_rows() -> object: ...
def spread(
    cells: bytes,
    names: list[str],
    labels: list[str] | None,
    layouts: dict[str, bytes | None],
    rows: object,
    known: bytearray,
    find: Callable[[int], int],
    ping: int,
    process: str,
    into: tuple[Any, ...],
) -> bool: ...
