"""The bodies of Parquet pages; see ``_pages.c``."""

from typing import Any

# Any object with a buffer.
Bytes = Any

def word_page(
    numbers: Bytes, rows: Bytes | None, words: Bytes | None, known: int
) -> tuple[bytes, bytes, int]: ...
def split_page(values: Bytes, rows: Bytes | None, places: Bytes | None) -> bytes: ...
def list_pages(
    offsets: Bytes, numbers: Bytes, cuts: tuple[int, ...], is_split: bool
) -> tuple[list[tuple[bytes, int]], bytes] | None: ...
def sorted_rows(count: int, columns: tuple[tuple[Bytes, Bytes], ...]) -> bytes: ...
