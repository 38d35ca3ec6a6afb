"""The bodies of Parquet pages; see ``_pages.c``."""

from typing import Any

# Any object with a buffer.
Bytes = Any

def word_page(
    numbers: Bytes, valid: Bytes | None, offset: int, count: int, words: int
) -> tuple[bytes, bytes]: ...
def split_page(numbers: Bytes, valid: Bytes | None, offset: int, count: int) -> bytes: ...
def list_pages(
    offsets: Bytes, numbers: Bytes, cuts: tuple[int, ...], is_split: bool
) -> tuple[list[tuple[bytes, int]], bytes] | None: ...
