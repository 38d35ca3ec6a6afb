"""The metrics of a Glean ping as columns; see ``_metrics.c``."""

from collections.abc import Callable
from typing import Any

def metrics(
    ping: int,
    sent: dict[str, Any],
    forms: dict[str, int],
    scalar_keys: dict[Any, int],
    scalar_words: dict[Any, int],
    shape_keys: dict[tuple[str, str], int],
    words: dict[Any, int],
    large: list[int],
    text_of: Callable[[Any], str],
) -> (
    tuple[
        tuple[bytes, bytes, bytes, bytes],
        tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes],
    ]
    | None
): ...
